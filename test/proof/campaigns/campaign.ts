/** One campaign of the proof: what it puts the product through, and what must come of it. It has one part at least. */
export type Campaign = {
  /** `C1`, `C2`, … */
  readonly name: string;
  readonly title: string;
  /** How many of `unit` the run inside `npm test` makes, and the one of `npm run proof`. `short` 0: `npm test` makes none. */
  readonly short: number;
  readonly full: number;
  readonly unit: string;
  /** True: it measures time, or holds something to a second, and wants the machine for itself. */
  readonly isTimed?: true;
  /**
   * Its part that only computes. Units know nothing of each other, so that a full run shares them out among all cores,
   * each with seeds of its own; a seed repeats all that comes of it.
   */
  readonly compute?: Trial;
  /** Its part that wants a running product; comes second. */
  readonly run?: Trial;
};

/** Tries `size` units. Stops early when something is wrong: one counterexample is enough. */
export type Trial = (size: number, seed: number, progress: Progress) => Promise<Findings>;

/** Told now and then how far the campaign has come. */
export type Progress = (done: number) => void;

export type Findings = {
  /** What was done and seen, by name, for the report. */
  readonly counts: Readonly<Record<string, number>>;
  /** What contradicts a promise; empty when the campaign passes. */
  readonly violations: readonly string[];
  /** The least that must be run to see them again; absent: everything. */
  readonly again?: { readonly seed: number; readonly size: number };
};

/** Runs a campaign, one part after the other. @param compute how its computing is done: in this thread, unless told. */
export async function conduct(
  { compute, run }: Pick<Campaign, "compute" | "run">,
  size: number,
  seed: number,
  progress: Progress,
  computeWith: (compute: Trial) => Trial = (itself) => itself,
): Promise<Findings> {
  const nothing: Findings = { counts: {}, violations: [] };
  const computed = compute ? await computeWith(compute)(size, seed, progress) : nothing;
  if (run === undefined || computed.violations.length > 0) return computed;
  const findings = await run(size, seed, progress);
  return { ...findings, counts: { ...computed.counts, ...findings.counts } };
}

/** The counts of several runs in one. */
export function addUp(all: readonly Findings["counts"][]): Findings["counts"] {
  const sums: Record<string, number> = {};
  for (const counts of all) for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

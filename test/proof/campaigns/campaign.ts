/** One campaign of the proof: what it puts the product through, and what must come of it. */
export type Campaign = {
  /** `C1`, `C2`, … */
  readonly name: string;
  readonly title: string;
  /** How many of `unit` the run inside `npm test` makes, and the one of `npm run proof`. `short` 0: `npm test` makes none. */
  readonly short: number;
  readonly full: number;
  readonly unit: string;
  /** Runs `size` units. Stops early when something is wrong: one counterexample is enough. */
  readonly run: (size: number, seed: number, progress: Progress) => Promise<Findings>;
};

/** Told now and then how far the campaign has come. */
export type Progress = (done: number) => void;

export type Findings = {
  /** What was done and seen, by name, for the report. */
  readonly counts: Readonly<Record<string, number>>;
  /** What contradicts a promise; empty when the campaign passes. Each says how to see it again. */
  readonly violations: readonly string[];
};

/** The counts of several runs in one. */
export function addUp(all: readonly Findings["counts"][]): Findings["counts"] {
  const sums: Record<string, number> = {};
  for (const counts of all) for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

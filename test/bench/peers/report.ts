import { machineLine, type Conditions } from "../conditions.ts";
import { ratioText } from "../report.ts";
import type { Series } from "../rounds.ts";
import { median, ratioOf, type Ratio } from "../statistics.ts";
import { barPlot } from "../svg.ts";
import { aligned, piped, range, whole, type Line } from "../table.ts";
import type { Contender, Entry } from "./contender.ts";
import { QUOTA, REVOKE, type QuotaTrial, type RevokeTrial } from "./trial.ts";

/** A peer, and Rekey as it was measured right beside it. */
export type Pair = { readonly peer: Series<Entry>; readonly rekey: Series<Entry> };

export type Trials = {
  readonly contender: Contender;
  readonly quota: readonly QuotaTrial[];
  readonly revoke: readonly RevokeTrial[];
};

export type PeerFindings = {
  readonly pairs: readonly Pair[];
  readonly trials: readonly Trials[];
  readonly missing: readonly string[];
  readonly conditions: Conditions;
  readonly programs: readonly string[];
};

/** The findings for somebody at a terminal. */
export const terminal = (findings: PeerFindings): string =>
  [aligned(speedTable(findings.pairs)), aligned(trialTable(findings.trials)), ...targets(findings.pairs)].join("\n\n");

/** The findings as a section of docs/performance.md. */
export function markdown(findings: PeerFindings): string {
  const { pairs, trials, missing, conditions, programs } = findings;
  const { pace } = conditions;
  const answers = pairs.reduce((sum, { peer, rekey }) => sum + peer.answers + rekey.answers, 0);
  return `
## Against what people would use instead

Each does the same work: it authenticates a key, judges its standing, takes one unit of an exact quota, and answers
JSON of the same size; one hot key. Rekey also authenticates who asks, which the others are spared. Every peer is
configured as its documentation says, and measured in turns with Rekey: A B A B. None of them has to reach the place
where it answers over a network here, nor does Rekey.

- ${machineLine(conditions)}
- ${programs.join(", ")}.
- A load generator in a process of its own, closed loop, ${pace.connections} keep-alive connections; ${pace.rounds} rounds, every other one backwards; each of a pair for ${pace.seconds} s after a warm-up.
- ${whole(answers)} measured answers, every one checked to be an admission.
${missing.map((line) => `- **Not measured**: ${line}.\n`).join("")}
![Requests per second, one hot key](performance/peers-speed.svg)

Rekey against each: ratios of medians, in brackets the smallest and the largest within one round. CPU time is that of
all processes of a contender, its database included. Speed: above 1, Rekey is faster. CPU: below 1, Rekey needs less.

${piped(speedTable(pairs))}

${targets(pairs)
  .map((line) => `- ${line}`)
  .join("\n")}

A script in Redis behind a plain Node server needs in all about as much CPU time as a bare Worker needs to answer at
all (see the floors above), so no Worker is as fast per core. What it does not do is told below.

### Who is right

A key with a quota of ${QUOTA.limit} is used ${whole(QUOTA.requests)} times over ${QUOTA.connections} connections: how many were admitted, in each trial. Then a key
is revoked under load (${REVOKE.connections} connections): how many requests that were _sent after the revoke had been answered_ were still
admitted in the ${REVOKE.loadAfterMs / 1000} s of load that followed, in each trial, and when the last such request was sent; the watch goes on
for ${REVOKE.watchMs / 1000} s with a request now and then as long as they pass.

${piped(trialTable(trials))}

![How long a revoked key was admitted](performance/peers-revoked.svg)

What each does not do:

${trials
  .filter(({ contender }) => contender.without !== "")
  .map(({ contender }) => `- ${contender.name}: ${contender.without}.`)
  .join("\n")}
`;
}

/** The plots of the section, by file name. */
export function plots({ pairs, trials }: PeerFindings): Readonly<Record<string, string>> {
  const rekey = pairs.flatMap((pair) => pair.rekey.perSecond);
  const speeds = [
    { label: "Rekey", values: rekey },
    ...pairs.map(({ peer }) => ({ label: peer.row.name, values: peer.perSecond })),
  ];
  const bar = ({ label, values }: { readonly label: string; readonly values: readonly number[] }) => ({
    label,
    value: median(values),
    least: Math.min(...values),
    most: Math.max(...values),
  });
  const seconds = trials.map(({ contender, revoke }) => ({
    label: contender.name,
    values: revoke.map(({ lastAdmittedMs }) => lastAdmittedMs / 1000),
  }));
  return {
    "peers-speed.svg": barPlot("Requests per second, one hot key", "/s", speeds.map(bar)),
    "peers-revoked.svg": barPlot("How long a revoked key was still admitted", "s", seconds.map(bar)),
  };
}

const speedTable = (pairs: readonly Pair[]): readonly Line[] => [
  ["", "requests/s", "", "CPU µs per request", "Rekey's speed", "Rekey's CPU time"],
  ...pairs.map(({ peer, rekey }) => {
    const cpu = peer.cpuMicros && rekey.cpuMicros && ratioOf(rekey.cpuMicros, peer.cpuMicros);
    return [
      peer.row.name,
      whole(median(peer.perSecond)),
      range(peer.perSecond),
      peer.cpuMicros === null ? "unknown" : whole(median(peer.cpuMicros)),
      ratioText(speedOf({ peer, rekey })),
      cpu === null ? "unknown" : ratioText(cpu),
    ];
  }),
];

const speedOf = ({ peer, rekey }: Pair): Ratio => ratioOf(rekey.perSecond, peer.perSecond);

const targets = (pairs: readonly Pair[]): readonly string[] =>
  pairs.flatMap((pair) => {
    const { name, target } = pair.peer.row.contender;
    if (target === null) return [];
    const speed = speedOf(pair).value;
    return [`${name}: ${speed.toFixed(2)} × as fast, target ≥ ${target}: ${speed >= target ? "met" : "**missed**"}.`];
  });

const trialTable = (trials: readonly Trials[]): readonly Line[] => [
  ["", `admitted of ${QUOTA.limit}`, "admitted after the revoke", "the last one after"],
  ...trials.map(({ contender, quota, revoke }) => [
    contender.name,
    quota.map(({ admitted, failed }) => (failed === 0 ? `${admitted}` : `${admitted} (${failed} errors)`)).join(", "),
    revoke.map(({ admitted }) => whole(admitted)).join(", "),
    lastOf(revoke),
  ]),
];

function lastOf(revoke: readonly RevokeTrial[]): string {
  const last = Math.max(...revoke.map(({ lastAdmittedMs }) => lastAdmittedMs));
  if (last === 0) return "none";
  const forGood = revoke.filter((trial) => trial.forGood).length;
  const text = last < 1000 ? `${last.toFixed(0)} ms` : `${(last / 1000).toFixed(1)} s`;
  return forGood === 0 ? text : `still admitted after ${REVOKE.watchMs / 1000} s in ${forGood} of ${revoke.length}`;
}

import { machineLine, type Conditions } from "../conditions.ts";
import { startUpVerdict } from "../report.ts";
import type { StartUp } from "../startup.ts";
import { median } from "../statistics.ts";
import { linePlot } from "../svg.ts";
import { aligned, piped, range, whole, type Line } from "../table.ts";
import { sorts, usesIndex, type Listed } from "./listing.ts";
import { OPEN, type Grown, type GrownDimension } from "./measure.ts";

export type GrowthFindings = {
  readonly dimensions: readonly GrownDimension[];
  readonly listed: readonly Listed[];
  readonly keysListed: number;
  readonly startUp: StartUp;
  readonly conditions: Conditions;
};

/** The findings for somebody at a terminal. */
export const terminal = ({ dimensions, listed, startUp }: GrowthFindings): string =>
  [
    ...dimensions.map(({ dimension, sizes }) => `${dimension.name}\n${aligned(growthTable(dimension.unit, sizes))}`),
    aligned(listTable(listed)),
    indexVerdict(listed),
    startUpVerdict(startUp),
  ].join("\n\n");

/** The findings as a section of docs/performance.md. */
export function markdown(findings: GrowthFindings): string {
  const { dimensions, listed, keysListed, startUp, conditions } = findings;
  const { pace } = conditions;
  const answers = dimensions
    .flatMap(({ sizes }) => sizes)
    .reduce((sum, size) => sum + size.series.answers + size.answers, 0);
  return `
## What grows

The same verify, asked where there is more of something. Requests per second and CPU time are medians of closed loops
(${pace.connections} connections, ${pace.rounds} rounds of ${pace.seconds} s in turn, every other one backwards); latency is from an open loop at
${OPEN.perSecond} requests per second, from the moment a request was due to its answer. Objects that nobody asks for about 10 s leave
memory, as in production: of ten thousand keys asked in turn most have to be woken.

- ${machineLine(conditions)}
- ${whole(answers)} measured answers, every one checked to be the right one.

${dimensions
  .map(({ dimension, sizes }) => `### By ${dimension.name}\n\n${piped(growthTable(dimension.unit, sizes))}`)
  .join("\n\n")}

![CPU time of one verify](performance/growth-cpu.svg)

## Lists of ${whole(keysListed)} keys

The product's own queries on a ledger with ${whole(keysListed)} keys and as many events, in SQLite with no network; the first page
of 100, and one from the middle on, warm. The slower of the two.

${piped(listTable(listed))}

- ${indexVerdict(listed)}

## Start-up

- ${startUpVerdict(startUp)}
- \`npm run check\` fails when the bundle is larger than its budget (\`src/local/bundle.ts\`).
`;
}

/** The plots of the section, by file name. */
export const plots = ({ dimensions }: GrowthFindings): Readonly<Record<string, string>> => ({
  "growth-cpu.svg": linePlot(
    "CPU time of one verify",
    "keys in use, or open reservations of one key",
    "µs",
    dimensions
      .filter(({ dimension: { name } }) => PLOTTED.includes(name))
      .map(({ dimension, sizes }) => ({
        name: dimension.name,
        points: sizes.map(({ step, series }) => [step.size, series.cpuMicros === null ? 0 : median(series.cpuMicros)]),
      })),
  ),
});

const PLOTTED = ["keys in use", "open reservations of a key", "events of a key"];

const growthTable = (unit: string, sizes: readonly Grown[]): readonly Line[] => [
  [unit, "requests/s", "", "CPU µs per request", "p50 ms", "p99 ms"],
  ...sizes.map(({ step, series: { perSecond, cpuMicros }, p50, p99 }) => [
    whole(step.size),
    whole(median(perSecond)),
    range(perSecond),
    cpuMicros === null ? "unknown" : whole(median(cpuMicros)),
    p50.toFixed(2),
    p99.toFixed(2),
  ]),
];

/** Every filter by itself, and of several at once the slowest ones. */
function listTable(listed: readonly Listed[]): readonly Line[] {
  const slowest = new Map<string, Listed>();
  for (const one of listed) {
    const name = `${one.list}?${one.filter}`;
    if ((slowest.get(name)?.ms ?? -1) < one.ms) slowest.set(name, one);
  }
  const all = [...slowest];
  const several = all.filter(([, { filters }]) => filters > 1).toSorted(([, a], [, b]) => b.ms - a.ms);
  const shown = [...all.filter(([, { filters }]) => filters <= 1), ...several.slice(0, 6)];
  return [
    ["", "ms", "rows", "by", "put into order"],
    ...shown.map(([name, one]) => [
      `\`${name}\``,
      one.ms < 10 ? one.ms.toFixed(2) : whole(one.ms),
      String(one.rows),
      indexOf(one),
      sorts(one) ? "yes" : "",
    ]),
  ];
}

const indexOf = ({ plan }: Listed): string => {
  const named = /USING (?:COVERING )?INDEX (\S+)/.exec(plan.join("\n"))?.[1];
  return named?.startsWith("sqlite_autoindex") || named === undefined ? "primary key" : named;
};

function indexVerdict(listed: readonly Listed[]): string {
  const without = listed.filter((one) => !usesIndex(one));
  const found = `an index serves ${whole(listed.length - without.length)} of ${whole(listed.length)} questions (every filter and every pair of filters, first and later pages)`;
  if (without.length === 0) return `${found}: met.`;
  return `${found}: **missed** by ${[...new Set(without.map(({ list, filter }) => `\`${list}?${filter}\``))].join(", ")}.`;
}

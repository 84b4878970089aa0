import { machineLine, type Conditions } from "./conditions.ts";
import { dollarsAwake, dollarsOf, dollarsPerMillion, PRICES } from "./cost.ts";
import type { Counted } from "./counts.ts";
import type { Series as SeriesOf } from "./rounds.ts";
import type { Row } from "./rows.ts";
import type { StartUp } from "./startup.ts";
import type { Streams } from "./streams.ts";
import { median, ratioOf, type Ratio } from "./statistics.ts";
import { aligned, piped, range, whole, type Line } from "./table.ts";

type Series = SeriesOf<Row>;

/** Everything one run has found out. */
export type Findings = {
  readonly series: readonly Series[];
  readonly counts: readonly Counted[];
  /** `null` when only some rows were asked for. */
  readonly streams: Streams | null;
  /** `null` when only some rows were asked for. */
  readonly startUp: StartUp | null;
  readonly conditions: Conditions;
};

/** How a row stands above its floor. `cpu` is the other way round from `speed`: more is worse. */
type Comparison = {
  readonly series: Series;
  readonly floor: Series;
  readonly target: number | null;
  readonly speed: Ratio;
  readonly cpu: Ratio | null;
};

const MIN_ADMISSIONS_PER_ROW = 16;
const MAX_STARTUP_MS = 10;
const MAX_CUT_MS = 1_000;

/** The findings for somebody at a terminal. */
export function terminal(findings: Findings): string {
  const sections = [
    speedTable(findings.series),
    ratioTable(comparisonsOf(findings.series)),
    countTable(findings.counts),
    dollarTable(findings),
    standingTable(findings),
  ];
  return [...sections.map(aligned), ...streamLines(findings.streams), ...verdictsOf(findings)].join("\n\n");
}

/** The findings as a section of docs/performance.md. */
export function markdown(findings: Findings): string {
  const { series, counts, streams, conditions } = findings;
  return `
## Conditions

${conditionLines(conditions, series).join("\n")}

## Against the floors

Ratios of medians; in brackets the smallest and the largest ratio within one round. Speed: more is better. CPU time
for one request, of the workerd process: less is better, and it is the steadier of the two on a machine that does
other things beside.

${piped(ratioTable(comparisonsOf(series)))}

${verdictsOf(findings)
  .map((line) => `- ${line}`)
  .join("\n")}

## Every row

Medians over the rounds, with the smallest and the largest.

${piped(speedTable(series))}

## What one request costs

Counted by a build of the Worker with counters around its bindings, at the same number of connections. Calls to
objects, rows they wrote, alarms they set, calls to D1, all divided by the number of answers.

${piped(countTable(counts))}

### In dollars

For a million requests beyond what the Workers Paid plan includes, by Cloudflare's published prices of ${PRICES.asOf}:
\$${PRICES.workerRequests} per million Worker requests, \$${PRICES.workerCpuMs} per million CPU milliseconds (here of Worker and objects together, on this
machine: only the Worker's part is billed), \$${PRICES.objectRequests} per million object requests, \$${PRICES.rowsWritten} per million rows written, by objects
and by D1, \$${PRICES.rowsRead} per million rows read. Setting an alarm counts as a row, an alarm that rings as an object request.

${piped(dollarTable(findings))}

What a key costs for as long as it is in use, however often: every 4.5 s its object writes down the addresses it was
used from and tells the ledger of the hour's use, and while it is awake its memory is paid for.

${piped(standingTable(findings))}

## Open connections

${streamLines(streams)
  .map((line) => `- ${line}`)
  .join("\n")}
`;
}

/** What streams of events cost while they are open, and how long they outlive their key. */
function streamLines(streams: Streams | null): readonly string[] {
  if (streams === null) return [];
  const { open, floorBytes, gatewayBytes, cut, cuts } = streams;
  const memory =
    floorBytes === null || gatewayBytes === null
      ? []
      : [
          `${open} open streams of events, each watched over by its key's object: ${kibibytes(gatewayBytes)} of memory for each through the gateway, ${kibibytes(floorBytes)} through Hono alone (growth of workerd, the stub origin's end included).`,
        ];
  const after = cuts.map(({ sinceAnswerMs }) => sinceAnswerMs);
  const all = cuts.map(({ sinceCallMs }) => sinceCallMs);
  const cutLine = `from the answer that a key is revoked until the last of its ${whole(cut)} open streams is broken off at its client: ${whole(median(after))} ms (${after.map(whole).join(", ")}), target ≤ ${MAX_CUT_MS} ms: ${metIf(Math.max(...after) <= MAX_CUT_MS)} From the call: ${whole(median(all))} ms (${all.map(whole).join(", ")}), of which most is one process closing both ends of every one.`;
  return [...memory, cutLine];
}

function comparisonsOf(series: readonly Series[]): readonly Comparison[] {
  return series.flatMap((one): Comparison[] => {
    const { above } = one.row;
    const floor = series.find(({ row }) => row.id === above?.floor);
    if (above === null || floor === undefined) return [];
    const cpu = one.cpuMicros && floor.cpuMicros && ratioOf(one.cpuMicros, floor.cpuMicros);
    return [{ series: one, floor, target: above.target, speed: ratioOf(one.perSecond, floor.perSecond), cpu }];
  });
}

const speedTable = (series: readonly Series[]): readonly Line[] => [
  ["", "requests/s", "", "CPU µs per request"],
  ...series.map(({ row, perSecond, cpuMicros }) => [
    row.name,
    whole(median(perSecond)),
    range(perSecond),
    cpuMicros === null ? "unknown" : whole(median(cpuMicros)),
  ]),
];

const ratioTable = (comparisons: readonly Comparison[]): readonly Line[] => [
  ["", "its floor", "speed", "target", "CPU time"],
  ...comparisons.map(({ series, floor, target, speed, cpu }) => [
    series.row.name,
    floor.row.name,
    ratioText(speed),
    target === null ? "" : `≥ ${target}`,
    cpu === null ? "unknown" : ratioText(cpu),
  ]),
];

const countTable = (counts: readonly Counted[]): readonly Line[] => [
  ["", "answers", "RPCs", "rows written", "admissions per row", "alarms", "D1 calls"],
  ...counts.map(({ row, answers, counts: { rpc, rows, alarms, d1 } }) => [
    row.name,
    whole(answers),
    perAnswer(rpc, answers),
    perAnswer(rows, answers),
    rows === 0 ? "" : (answers / rows).toFixed(1),
    perAnswer(alarms, answers),
    perAnswer(d1, answers),
  ]),
];

/** Dollars for a million requests of each kind. */
const dollarTable = ({ series, counts }: Findings): readonly Line[] => [
  ["per million", "object requests", "rows written", "rows read", "D1 rows", "CPU ms", "dollars"],
  ...counts.map(({ row, answers, counts: counted }) => {
    const { rpc, rows, rowsRead, alarms, alarmRuns, d1RowsWritten } = counted;
    const micros = series.find((one) => one.row.id === row.id)?.cpuMicros ?? null;
    const cpuMs = micros === null ? null : (median(micros) / 1000) * answers;
    const million = (count: number): string => whole((count / answers) * 1e6);
    return [
      row.name,
      million(rpc + alarmRuns),
      million(rows + alarms),
      million(rowsRead),
      million(d1RowsWritten),
      cpuMs === null ? "unknown" : million(cpuMs),
      dollarsPerMillion({ ...counted, requests: answers, cpuMs }).toFixed(2),
    ];
  }),
];

const SECONDS_OF_MONTH = 30 * 24 * 3600;
const REPORT_SECONDS = 4.5;

/** What one report costs, and a month in which a key is never left alone, beside its requests. */
function standingTable({ counts }: Findings): readonly Line[] {
  const shown = counts.filter(({ row: { id } }) => id === "hot" || id === "refused" || id === "gateway");
  return [
    [
      "per key",
      "object rows",
      "alarms",
      "D1 rows written",
      "D1 rows read",
      "dollars a month, reports",
      "dollars a month, awake",
    ],
    ...shown.map(({ row, keys, reported }) => [
      row.name,
      perAnswer(reported.rows, keys),
      perAnswer(reported.alarms, keys),
      perAnswer(reported.d1RowsWritten, keys),
      perAnswer(reported.d1RowsRead, keys),
      ((dollarsOf(reported) / keys) * (SECONDS_OF_MONTH / REPORT_SECONDS)).toFixed(2),
      dollarsAwake(SECONDS_OF_MONTH).toFixed(2),
    ]),
  ];
}

/** What was promised and whether it was seen, one sentence each. */
function verdictsOf({ series, counts, startUp }: Findings): readonly string[] {
  const verdicts = comparisonsOf(series).flatMap(({ series: { row }, target, speed, cpu }) => {
    if (target === null) return [];
    const seen = `${row.name}: ${speed.value.toFixed(2)} of its floor, target ≥ ${target}`;
    if (speed.value >= target) return [`${seen}: met.`];
    const more = cpu === null ? "" : ` with ${cpu.value.toFixed(2)} × its CPU time`;
    return [`${seen}: **missed**${more}. On top of the floor: ${row.above!.beyond}.`];
  });
  const hot = counts.find(({ row }) => row.id === "hot");
  if (hot !== undefined) {
    const perRow = hot.answers / hot.counts.rows;
    verdicts.push(
      `admissions per row written on the hot key: ${perRow.toFixed(1)}, target ≥ ${MIN_ADMISSIONS_PER_ROW}: ${metIf(perRow >= MIN_ADMISSIONS_PER_ROW)}`,
    );
  }
  if (startUp !== null && startUp.cpuMs.length > 0) verdicts.push(startUpVerdict(startUp));
  return verdicts;
}

/** What a start costs, against its target. */
export function startUpVerdict({ cpuMs, bytes, gzipBytes }: StartUp): string {
  const size = `a bundle of ${kibibytes(bytes)} (${kibibytes(gzipBytes)} gzip)`;
  if (cpuMs.length === 0) return `start-up: CPU time unknown on this system; ${size}`;
  const ms = median(cpuMs);
  const spread = `${Math.min(...cpuMs).toFixed(1)}–${Math.max(...cpuMs).toFixed(1)}`;
  return `start-up: ${ms.toFixed(1)} ms of CPU time (${spread}) to compile and evaluate ${size}, median of ${cpuMs.length} fresh processes, target ≤ ${MAX_STARTUP_MS} ms: ${metIf(ms <= MAX_STARTUP_MS)}`;
}

const metIf = (met: boolean): string => (met ? "met." : "**missed**.");

function conditionLines(conditions: Conditions, series: readonly Series[]): string[] {
  const { pace, keys } = conditions;
  const answers = series.reduce((sum, one) => sum + one.answers, 0);
  const busiest = Math.max(...series.map(({ generatorLoad }) => generatorLoad));
  return [
    `- ${machineLine(conditions)}`,
    "- workerd on a direct socket, one process for the floors and one for Rekey, SQLite objects on that disk.",
    `- A load generator in a process of its own, closed loop, ${pace.connections} keep-alive connections; it used at most ${Math.round(busiest * 100)} % of a core.`,
    `- ${pace.rounds} interleaved rounds, every other one backwards; in each, every row for ${pace.seconds} s after a warm-up.`,
    `- ${keys} keys beside the hot one, each with a monthly quota that is counted exactly.`,
    `- ${whole(answers)} measured answers, every one checked to be the right one.`,
  ];
}

export const ratioText = ({ value, least, most }: Ratio): string =>
  `${value.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`;

const perAnswer = (count: number, answers: number): string => {
  if (count === 0) return "0";
  return count === answers ? "1" : (count / answers).toFixed(3);
};

const kibibytes = (bytes: number): string => `${(bytes / 1024).toFixed(0)} KiB`;

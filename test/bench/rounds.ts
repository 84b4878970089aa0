import type { Expected } from "./answer.ts";
import type { Sample } from "./generator.ts";
import type { LoadGenerator } from "./load.ts";

/** One thing that is measured: requests of one kind to one server, over and over. */
export type Subject = {
  readonly name: string;
  readonly server: { readonly port: number; readonly pids: readonly number[] };
  readonly requests: readonly string[];
  readonly expected: Expected;
  /** How many connections ask, where it is another number than the run's. */
  readonly connections?: number;
};

/** What one row showed, one value a round. */
export type Series<Row extends Subject> = {
  readonly row: Row;
  readonly perSecond: readonly number[];
  /** Microseconds of the server's CPU time for one answer; `null` where the system does not tell. */
  readonly cpuMicros: readonly number[] | null;
  readonly answers: number;
  /** The largest share of one core that the generator used: near 1 it would be the generator that is measured. */
  readonly generatorLoad: number;
};

export type Pace = {
  readonly rounds: number;
  readonly connections: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
};

/**
 * Measures all rows in turn, round after round, so that whatever else the machine does meanwhile meets all of them
 * alike. Every other round goes backwards, so that none of them always follows the same neighbour.
 */
export async function measure<Row extends Subject>(
  rows: readonly Row[],
  generator: LoadGenerator,
  pace: Pace,
  progress: (line: string) => void,
): Promise<readonly Series<Row>[]> {
  const samples = new Map(rows.map((row): [Row, Sample[]] => [row, []]));
  for (let round = 1; round <= pace.rounds; round++) {
    for (const row of round % 2 === 1 ? rows : rows.toReversed()) {
      const { server, requests, expected, connections = pace.connections } = row;
      const job = { ...pace, connections, port: server.port, pids: server.pids, requests, expected };
      const sample = await generator.run(job).catch((cause: unknown) => {
        throw new Error(`${row.name}: ${String(cause)}`, { cause });
      });
      samples.get(row)!.push(sample);
      progress(`round ${round}/${pace.rounds}  ${row.name}: ${Math.round(perSecond(sample))} requests/s`);
    }
  }
  return rows.map((row) => seriesOf(row, samples.get(row)!));
}

const perSecond = ({ answers, seconds }: Sample): number => answers / seconds;

function seriesOf<Row extends Subject>(row: Row, samples: readonly Sample[]): Series<Row> {
  const cpu = samples.map(({ serverCpuSeconds, answers }) => serverCpuSeconds && (serverCpuSeconds / answers) * 1e6);
  return {
    row,
    perSecond: samples.map(perSecond),
    cpuMicros: cpu.every((value) => value !== null) ? cpu : null,
    answers: samples.reduce((sum, { answers }) => sum + answers, 0),
    generatorLoad: Math.max(...samples.map((sample) => sample.generatorCpuSeconds / sample.seconds)),
  };
}

import type { LoadGenerator } from "../load.ts";
import { measure, type Pace, type Series } from "../rounds.ts";
import { quantile } from "../statistics.ts";
import type { Dimension, Step } from "./dimensions.ts";

/** What one size showed. */
export type Grown = {
  readonly step: Step;
  readonly series: Series<Step>;
  /** Of an open loop, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly answers: number;
};

export type GrownDimension = { readonly dimension: Dimension; readonly sizes: readonly Grown[] };

/** The rate at which latency is measured: far below what any of them can do. */
export const OPEN = { perSecond: 200, connections: 32, warmUpSeconds: 0.3 };

/** Measures all sizes in turn: first throughput and CPU time in closed loops, then latency in open ones. */
export async function measureGrowth(
  dimensions: readonly Dimension[],
  generator: LoadGenerator,
  pace: Pace,
  progress: (line: string) => void,
): Promise<readonly GrownDimension[]> {
  const steps = dimensions.flatMap(({ name, steps: sizes }) =>
    sizes.map((step) => ({ step, label: `${name}: ${step.name}` })),
  );
  const series = await measure(
    steps.map(({ step }) => step),
    generator,
    pace,
    progress,
  );
  const latencies = new Map(steps.map(({ step }): [Step, number[]] => [step, []]));
  for (let round = 1; round <= 2; round++) {
    for (const { step, label } of round === 1 ? steps : steps.toReversed()) {
      const { port } = step.server;
      const job = { ...OPEN, port, requests: step.requests, expected: step.expected, seconds: 2 * pace.seconds };
      const { latenciesMs } = await generator.runOpenLoop(job);
      latencies.get(step)!.push(...latenciesMs);
      progress(`latency ${round}/2  ${label}: p50 ${quantile(latenciesMs, 0.5).toFixed(2)} ms`);
    }
  }
  return dimensions.map((dimension) => ({
    dimension,
    sizes: dimension.steps.map((step): Grown => {
      const seen = latencies.get(step)!;
      const found = series.find(({ row }) => row === step)!;
      return { step, series: found, p50: quantile(seen, 0.5), p99: quantile(seen, 0.99), answers: seen.length };
    }),
  }));
}

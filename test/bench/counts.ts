import { setTimeout as pause } from "node:timers/promises";
import type { Counts } from "./workers/counted.ts";
import type { LoadGenerator } from "./load.ts";
import type { Row } from "./rows.ts";

/** What one row costs, counted, not measured: sums over all of its answers. */
export type Counted = {
  readonly row: Row;
  readonly answers: number;
  readonly counts: Counts;
  /**
   * What came of it afterwards, when what was counted beside the decisions is written down and told: once for each key
   * that was in use, and again every 4.5 s for as long as it is.
   */
  readonly reported: Counts;
  readonly keys: number;
};

/** Waits until nothing is left to be written or told of what was done before. */
export const settled = (): Promise<void> => pause(REPORTED_AFTER_MS);

/** By then every object has written down and told what it had counted: it does so within 5 s. */
const REPORTED_AFTER_MS = 6_000;

/** Runs a row against the instrumented Worker and counts what its requests caused. */
export async function count(row: Row, generator: LoadGenerator, connections: number): Promise<Counted> {
  const { server, requests, expected } = row;
  await readCounts(server.port);
  const sample = await generator.run({
    port: server.port,
    pids: server.pids,
    requests,
    expected,
    connections,
    warmUpSeconds: 0.5,
    seconds: 1.5,
  });
  const counts = await readCounts(server.port);
  await settled();
  return { row, answers: sample.total, counts, reported: await readCounts(server.port), keys: requests.length };
}

/** Reads the counters and sets them to zero. */
async function readCounts(port: number): Promise<Counts> {
  const response = await fetch(`http://127.0.0.1:${port}/counts`);
  return response.json<Counts>();
}

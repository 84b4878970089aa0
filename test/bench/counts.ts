import type { Counts } from "./workers/counted.ts";
import type { LoadGenerator } from "./load.ts";
import type { Row } from "./rows.ts";

/** What one row costs, counted, not measured: sums over all of its answers. */
export type Counted = { readonly row: Row; readonly answers: number; readonly counts: Counts };

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
  return { row, answers: sample.total, counts: await readCounts(server.port) };
}

/** Reads the counters and sets them to zero. */
async function readCounts(port: number): Promise<Counts> {
  const response = await fetch(`http://127.0.0.1:${port}/counts`);
  return response.json<Counts>();
}

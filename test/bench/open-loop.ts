import { isExpected } from "./answer.ts";
import { Connection } from "./connection.ts";
import type { Job } from "./generator.ts";

/** A job at a fixed rate, whatever the server makes of it. */
export type PacedJob = Pick<Job, "port" | "requests" | "expected" | "connections" | "warmUpSeconds" | "seconds"> & {
  readonly perSecond: number;
};

/** Milliseconds from when a request was due to its answer, in no order. */
export type Latencies = { readonly latenciesMs: readonly number[] };

const TICK_MS = 1;

/**
 * Sends at a fixed rate and measures how long each request took from the moment it was due: one that had to wait for
 * a free connection has waited, and is not asked less often because it was slow.
 *
 * A request is due at the tick of the generator's clock at which it is released, so that the clock's own millisecond is
 * not counted.
 */
export async function runOpenLoop(job: PacedJob): Promise<Latencies> {
  const requests = job.requests.map((request) => Buffer.from(request, "latin1"));
  const latenciesMs: number[] = [];
  const idle: Connection[] = [];
  const waiting: number[] = [];
  const dueOf = new Map<Connection, number>();
  const { promise: drained, resolve: drain, reject: fail } = Promise.withResolvers<void>();
  const begin = performance.now();
  const measuredFrom = begin + job.warmUpSeconds * 1000;
  const end = measuredFrom + job.seconds * 1000;
  let released = 0;
  let sent = 0;
  let over = false;

  const dispatch = (): void => {
    while (waiting.length > 0 && idle.length > 0) {
      const connection = idle.pop()!;
      dueOf.set(connection, waiting.shift()!);
      connection.send(requests[sent++ % requests.length]);
    }
    if (over && waiting.length === 0 && idle.length === job.connections) drain();
  };
  for (let number = 0; number < job.connections; number++) {
    const connection: Connection = await Connection.open(job.port, (answer) => {
      if (!isExpected(answer, job.expected)) fail(new Error(`a wrong answer:\n${answer}`));
      const due = dueOf.get(connection)!;
      if (due >= measuredFrom) latenciesMs.push(performance.now() - due);
      idle.push(connection);
      dispatch();
    });
    connection.onLost(fail);
    idle.push(connection);
  }
  const connections = [...idle];
  const ticking = setInterval(() => {
    const now = performance.now();
    over = now >= end;
    const due = Math.floor(((Math.min(now, end) - begin) / 1000) * job.perSecond);
    for (; released < due; released++) waiting.push(now);
    if (over) clearInterval(ticking);
    dispatch();
  }, TICK_MS);
  try {
    await drained;
    return { latenciesMs };
  } finally {
    clearInterval(ticking);
    for (const connection of connections) connection.close();
  }
}

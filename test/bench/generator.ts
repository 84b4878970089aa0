import { isExpected, type Expected } from "./answer.ts";
import { Connection } from "./connection.ts";
import { cpuSecondsOfAll } from "./cpu.ts";
import { runOpenLoop, type Latencies, type PacedJob } from "./open-loop.ts";

/**
 * The load generator, a process of its own: a closed loop over keep-alive connections, so that the server always has
 * exactly `connections` requests to work on.
 *
 * Throughput only. A closed loop at full speed says nothing about latency: whoever is slow is asked less often. For
 * latency there is an open one (open-loop.ts).
 */

/** What to send, where to, and for how long. */
export type Job = {
  readonly port: number;
  /** Whole requests as they go over the wire, sent round robin. */
  readonly requests: readonly string[];
  readonly expected: Expected;
  readonly connections: number;
  /** Not measured. Lasts until every request was sent at least once, too. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** The server's processes, whose CPU time is taken over exactly the measured time; none where they are not known. */
  readonly pids: readonly number[];
};

/** What was seen. */
export type Sample = {
  readonly seconds: number;
  readonly answers: number;
  /** CPU time of the server during the measured time; `null` where the system does not tell. */
  readonly serverCpuSeconds: number | null;
  readonly generatorCpuSeconds: number;
  /** All answers, also those of the warm-up and of the last requests. */
  readonly total: number;
};

/** What the bench asks for: throughput in a closed loop, or latency in an open one. */
export type Order = { readonly closed: Job } | { readonly open: PacedJob };

export type Report =
  { readonly ok: true; readonly found: Sample | Latencies } | { readonly ok: false; readonly message: string };

/** No answer for so long means that the server hangs. */
const SILENCE_MS = 15_000;

type Moment = { readonly at: number; readonly answers: number; readonly server: number | null; readonly own: number };

async function run(job: Job): Promise<Sample> {
  const requests = job.requests.map((request) => Buffer.from(request, "latin1"));
  const { promise: finished, resolve: finish, reject: fail } = Promise.withResolvers<void>();
  let sent = 0;
  let answers = 0;
  let stopping = false;

  const take = (): Moment => ({
    at: performance.now() / 1000,
    answers,
    server: cpuSecondsOfAll(job.pids),
    own: process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
  });
  const sendNext = (connection: Connection): void => {
    connection.send(requests[sent % requests.length]);
    sent += 1;
  };

  const connections = await Promise.all(
    Array.from({ length: job.connections }, async () => {
      const connection: Connection = await Connection.open(job.port, (answer) => {
        answers += 1;
        if (!isExpected(answer, job.expected)) fail(new Error(`a wrong answer:\n${answer}`));
        if (!stopping) sendNext(connection);
        else if (answers === sent) finish();
      });
      connection.onLost(fail);
      return connection;
    }),
  );
  const watch = watchSilence(() => answers, fail);
  try {
    for (const connection of connections) sendNext(connection);
    await Promise.race([pause(job.warmUpSeconds), finished]);
    while (answers < requests.length) await Promise.race([pause(0.05), finished]);
    const start = take();
    await Promise.race([pause(job.seconds), finished]);
    const end = take();
    stopping = true;
    await finished;
    return {
      seconds: end.at - start.at,
      answers: end.answers - start.answers,
      serverCpuSeconds: start.server === null || end.server === null ? null : end.server - start.server,
      generatorCpuSeconds: end.own - start.own,
      total: answers,
    };
  } finally {
    clearInterval(watch);
    for (const connection of connections) connection.close();
  }
}

function watchSilence(progress: () => number, fail: (cause: Error) => void): NodeJS.Timeout {
  let seen = -1;
  return setInterval(() => {
    if (progress() === seen) fail(new Error(`no answer for ${SILENCE_MS / 1000} s`));
    seen = progress();
  }, SILENCE_MS);
}

const pause = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

process.on("message", (order: Order) => {
  const report = ("closed" in order ? run(order.closed) : runOpenLoop(order.open)).then(
    (found): Report => ({ ok: true, found }),
    (cause: unknown): Report => ({ ok: false, message: cause instanceof Error ? cause.message : String(cause) }),
  );
  void report.then((message) => process.send?.(message));
});

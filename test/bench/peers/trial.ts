import { setTimeout as pause } from "node:timers/promises";
import { isExpected } from "../answer.ts";
import { Connection } from "../connection.ts";
import { ADMITTED, type Contender } from "./contender.ts";

/** What a key with a quota of 500 let through. */
export type QuotaTrial = { readonly admitted: number; readonly refused: number; readonly failed: number };

export const QUOTA = { limit: 500, requests: 2_000, connections: 200 };

/** A new key, its quota, and far more requests than it allows, from many connections at once. */
export async function tryQuota({ create, request, server }: Contender): Promise<QuotaTrial> {
  const { key } = await create(QUOTA.limit);
  const text = Buffer.from(request(key), "latin1");
  const seen = { admitted: 0, refused: 0, failed: 0 };
  let left = QUOTA.requests;
  await Promise.all(
    Array.from({ length: QUOTA.connections }, async () => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const sendNext = (): void => {
        if (left === 0) return resolve();
        left -= 1;
        connection.send(text);
      };
      const connection = await Connection.open(server.port, (answer) => {
        seen[
          isExpected(answer, ADMITTED) ? "admitted" : / (?:5\d\d) /.test(answer.slice(0, 14)) ? "failed" : "refused"
        ] += 1;
        sendNext();
      });
      connection.onLost(reject);
      sendNext();
      await promise;
      connection.close();
    }),
  );
  return seen;
}

/** What went through after a revoke had been answered. */
export type RevokeTrial = {
  /** Requests that were sent after the answer to the revoke, under load, and those of them that were admitted. */
  readonly sent: number;
  readonly admitted: number;
  /** When the last request was sent that was admitted, after that answer; 0 if none was. */
  readonly lastAdmittedMs: number;
  /** Whether requests were still admitted when the watch ended. */
  readonly forGood: boolean;
};

export const REVOKE = { connections: 64, loadBeforeMs: 1_000, loadAfterMs: 2_000, watchMs: 65_000, quietMs: 3_000 };

/** How far apart the requests of the watch are, so that several may go on beside what comes next. */
const WATCH_EVERY_MS = 500;

/**
 * Uses a key from many connections, revokes it, and goes on. Late is only what was sent after the answer to the revoke.
 *
 * @returns as soon as the load is over; `watched` goes on with a request now and then, as long as they are admitted.
 */
export async function tryRevoke(contender: Contender): Promise<{ readonly watched: Promise<RevokeTrial> }> {
  const { id, key } = await contender.create(1e9);
  const text = Buffer.from(contender.request(key), "latin1");
  const late = { sent: 0, admitted: 0, lastAdmittedMs: 0 };
  let answeredAt = Infinity;
  let stopping = false;
  let before = 0;

  const use = async (): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let sentAt = 0;
    const sendNext = (): void => {
      if (stopping) return resolve();
      sentAt = performance.now();
      connection.send(text);
    };
    const connection = await Connection.open(contender.server.port, (answer) => {
      const admitted = isExpected(answer, ADMITTED);
      if (sentAt > answeredAt) {
        late.sent += 1;
        if (admitted) {
          late.admitted += 1;
          late.lastAdmittedMs = Math.max(late.lastAdmittedMs, sentAt - answeredAt);
        }
      } else if (admitted) before += 1;
      sendNext();
    });
    connection.onLost(reject);
    sendNext();
    await promise;
    connection.close();
  };
  const load = Promise.all(Array.from({ length: REVOKE.connections }, use));
  await Promise.race([pause(REVOKE.loadBeforeMs), load]);
  await contender.revoke(id);
  answeredAt = performance.now();
  await Promise.race([pause(REVOKE.loadAfterMs), load]);
  stopping = true;
  await load;
  if (before === 0 || late.sent === 0) throw new Error(`${contender.name}: a trial without requests proves nothing`);
  return { watched: watch(contender, text, answeredAt, late) };
}

/** Asks now and then until nothing has been admitted for a while, or for as long as a watch lasts. */
async function watch(
  { server }: Contender,
  text: Buffer,
  answeredAt: number,
  late: { readonly sent: number; readonly admitted: number; readonly lastAdmittedMs: number },
): Promise<RevokeTrial> {
  let { lastAdmittedMs } = late;
  const since = (): number => performance.now() - answeredAt;
  while (since() - lastAdmittedMs < REVOKE.quietMs && since() < REVOKE.watchMs) {
    await pause(WATCH_EVERY_MS);
    const sentAt = since();
    if (await ask(server.port, text)) lastAdmittedMs = sentAt;
  }
  return { ...late, lastAdmittedMs, forGood: REVOKE.watchMs - lastAdmittedMs < REVOKE.quietMs };
}

async function ask(port: number, text: Buffer): Promise<boolean> {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const connection = await Connection.open(port, (answer) => resolve(isExpected(answer, ADMITTED)));
  connection.onLost(reject);
  connection.send(text);
  try {
    return await promise;
  } finally {
    connection.close();
  }
}

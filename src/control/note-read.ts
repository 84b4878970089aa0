import { countryOf } from "../http/country.ts";
import { epochMs, MINUTE_MS } from "../key/time.ts";
import { addReads, type Reads } from "../ledger/reads.ts";
import { actorOf } from "./authority.ts";
import type { Operation, Surroundings } from "./operation.ts";

/** How often an isolate tells the ledger at most, in milliseconds: what is read meanwhile goes along. */
const PACE_MS = 1_000;

/** How many actors and operations are told apart until then; what is more is told under one name. */
const MOST_APART = 100;
const OTHERS = "others";

type Pending = { readonly reads: Map<string, Reads>; toldAt: number };

const pendings = new WeakMap<D1Database, Pending>();

/** Whether an operation shows what belongs to somebody, on somebody's authority. */
export const isRead = ({ method, scope }: Operation): boolean => method === "GET" && scope !== null && scope !== "self";

/**
 * Notes in the ledger that somebody has read, added up by the minute. Runs behind the answer and never fails: a ledger
 * that is down keeps nobody from reading, and what it could not be told stands in the log.
 */
export async function noteRead(
  operation: Operation,
  { env, request, requestId, authority }: Surroundings,
  about: string | null,
): Promise<void> {
  if (authority === null || !isRead(operation)) return;
  const now = Date.now();
  const pending = pendingOf(env.DB);
  add(pending, {
    minute: epochMs(now - (now % MINUTE_MS)),
    actor: actorOf(authority),
    operation: operation.operationId,
    count: 1,
    about,
    requestId,
    ip: request.headers.get("cf-connecting-ip"),
    country: countryOf(request),
  });
  const early = pending.toldAt + PACE_MS - now;
  if (early > 0) await scheduler.wait(early);
  // Whoever woke first has taken all of it along.
  if (pending.reads.size === 0) return;
  const reads = [...pending.reads.values()];
  pending.reads.clear();
  pending.toldAt = Date.now();
  await addReads(env.DB, reads).catch((cause: unknown) => {
    console.error({ message: "the ledger could not be told who has read", reads, cause: String(cause) });
  });
}

function pendingOf(db: D1Database): Pending {
  let pending = pendings.get(db);
  if (pending === undefined) pendings.set(db, (pending = { reads: new Map<string, Reads>(), toldAt: 0 }));
  return pending;
}

function add({ reads }: Pending, read: Reads): void {
  const isKnown = reads.has(nameOf(read)) || reads.size < MOST_APART;
  const noted = isKnown ? read : { ...read, actor: OTHERS, operation: OTHERS };
  const before = reads.get(nameOf(noted));
  reads.set(nameOf(noted), before === undefined ? noted : { ...before, count: before.count + 1 });
}

const nameOf = ({ minute, actor, operation }: Reads): string => `${minute} ${actor} ${operation}`;

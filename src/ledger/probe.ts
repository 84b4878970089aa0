import type { EpochMs } from "../key/time.ts";
import { readChore } from "./chores.ts";
import { behindSince } from "./late.ts";
import { RECONCILE, type Walk } from "./walk.ts";
import { peppersInUse } from "./keys.ts";

/** How long readiness waits for the ledger, in milliseconds: shorter than whoever asks for readiness waits. */
const PROBE_TIMEOUT_MS = 1_000;

/** What a ledger that answers says of the keys in it, or why there is no answer. */
export type Probe =
  | {
      readonly ok: true;
      readonly peppersInUse: readonly string[];
      /** Since when it may lack events; `null`: it lacks none. */
      readonly behindSince: EpochMs | null;
      /** What the last walk through all keys found. */
      readonly walk: Walk["last"];
    }
  | { readonly ok: false; readonly cause: string };

/** Whether the ledger can be read and has its tables. Never fails: a ledger that is down is an answer. */
export async function probeLedger(db: D1Database, now: EpochMs): Promise<Probe> {
  try {
    const [peppers, since, walk] = await Promise.all([
      peppersInUse(db, now, PROBE_TIMEOUT_MS),
      behindSince(db, now),
      readChore<Walk>(db, RECONCILE),
    ]);
    return { ok: true, peppersInUse: peppers, behindSince: since, walk: walk?.last ?? null };
  } catch (cause) {
    return { ok: false, cause: String(cause) };
  }
}

import type { EpochMs } from "../key/time.ts";
import { peppersInUse } from "./keys.ts";

/** How long readiness waits for the ledger, in milliseconds: shorter than whoever asks for readiness waits. */
const PROBE_TIMEOUT_MS = 1_000;

/** What a ledger that answers says of the keys in it, or why there is no answer. */
export type Probe =
  { readonly ok: true; readonly peppersInUse: readonly string[] } | { readonly ok: false; readonly cause: string };

/** Whether the ledger can be read and has its tables. Never fails: a ledger that is down is an answer. */
export async function probeLedger(db: D1Database, now: EpochMs): Promise<Probe> {
  try {
    return { ok: true, peppersInUse: await peppersInUse(db, now, PROBE_TIMEOUT_MS) };
  } catch (cause) {
    return { ok: false, cause: String(cause) };
  }
}

import { fromLedger } from "./unavailable.ts";

/** How long readiness waits for the ledger, in milliseconds: shorter than whoever asks for readiness waits. */
const PROBE_TIMEOUT_MS = 1_000;

/** Whether the ledger can be read and has its tables. Never fails: a ledger that is down is an answer. */
export async function probeLedger(db: D1Database): Promise<{ readonly ok: boolean; readonly cause: string | null }> {
  try {
    await fromLedger(db.prepare("SELECT 1 FROM keys LIMIT 1").run(), PROBE_TIMEOUT_MS);
    return { ok: true, cause: null };
  } catch (cause) {
    return { ok: false, cause: String(cause) };
  }
}

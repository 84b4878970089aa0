import { setTimeout as pause } from "node:timers/promises";
import type { Rekey } from "../../support/rekey.ts";

/** How long what must come may take, in milliseconds: an alarm that failed is repeated after seconds. */
export const PATIENCE_MS = 15_000;

/**
 * The longest that a key may plan to be silent for once the ledger is well, in milliseconds: the promise says a minute,
 * of which the delivery itself takes a part, 2 seconds at most on a machine that is not overrun.
 */
const SILENT_MS = 58_000;

/** How long to wait for what a key plans at the latest, in milliseconds: also where the machine is overrun. */
export const CATCH_UP_MS = 3 * 60_000;

/**
 * Waits for the ledger to have what happened to a key: every event once, numbered without a gap up to the last one that
 * the key's object has, and the record at its revision. `null` when it has; otherwise what it has instead.
 */
export async function faultOfLedger(
  rekey: Rekey,
  keyId: string,
  revision: number,
  patience = PATIENCE_MS,
): Promise<string | null> {
  let has = "";
  for (const until = Date.now() + patience; Date.now() < until; await pause(50)) {
    // A word that a secret will be due is an event as well, and may come last of all.
    const [object] = await rekey.objectSql(keyId, "SELECT max(sequence) AS last FROM event");
    const [events] = await rekey.ledgerSql(
      "SELECT count(*) AS n, min(sequence) AS first, max(sequence) AS last FROM events WHERE key_id = ?",
      keyId,
    );
    const [key] = await rekey.ledgerSql("SELECT revision FROM keys WHERE id = ?", keyId);
    const { n, first, last } = events!;
    const isWhole = first === 1 && n === last && last === object?.["last"];
    if (isWhole && Number(last) >= revision && key?.["revision"] === revision) return null;
    has = `${String(n)} events from ${String(first)} to ${String(last)}, the record at ${String(key?.["revision"])}`;
  }
  return `${keyId}: the ledger has ${has} of a key at revision ${revision}`;
}

/** Whether a key plans to tell the ledger what it lacks later than is promised, after an instant at which it was well. */
export async function faultOfPlan(rekey: Rekey, keyId: string, wellAt: number): Promise<string | null> {
  const [task] = await rekey.objectSql(keyId, "SELECT due_at, attempts FROM agenda WHERE task = 'deliver'");
  const silentFor = task === undefined ? 0 : Number(task["due_at"]) - wellAt;
  if (silentFor <= SILENT_MS) return null;
  return `${keyId}: after ${String(task!["attempts"])} failures it tells the ledger ${silentFor} ms after it is well`;
}

/** Of a purged key the ledger has one event, that it was purged, and a row that no list shows. */
export async function faultOfTombstone(rekey: Rekey, keyId: string): Promise<string | null> {
  let has = "";
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; await pause(50)) {
    const events = await rekey.ledgerSql("SELECT type FROM events WHERE key_id = ?", keyId);
    const [key] = await rekey.ledgerSql("SELECT status FROM keys WHERE id = ?", keyId);
    has = JSON.stringify({ events, key });
    if (has === '{"events":[{"type":"key.purged"}],"key":{"status":"purged"}}') return null;
  }
  return `${keyId}: the ledger has ${has} of a purged key`;
}

import type { EpochMs } from "../key/time.ts";
import { fromLedger } from "./unavailable.ts";

/** The oldest events, whichever key's they are. Within a key the older one has the lower sequence. */
const OLDEST = `SELECT key_id, sequence, hash FROM events WHERE at_ms < ?1 AND hash IS NOT NULL
                ORDER BY at_ms, key_id, sequence LIMIT ?2`;

/**
 * Deletes events from before an instant, the oldest first, at most `limit`. Of each key the hash of the newest one that
 * is deleted is kept, so that the rest of its history still verifies. Alerts go with the events that they repeat. Answers
 * how many events were deleted.
 */
export async function deleteEventsBefore(db: D1Database, before: EpochMs, limit: number): Promise<number> {
  const [, deleted] = await fromLedger(
    db.batch([
      db
        .prepare(
          `INSERT INTO anchors (key_id, sequence, hash)
           SELECT key_id, max(sequence), hash FROM (${OLDEST}) WHERE true GROUP BY key_id
           ON CONFLICT (key_id) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash
             WHERE excluded.sequence > anchors.sequence`,
        )
        .bind(before, limit),
      db
        .prepare(`DELETE FROM events WHERE (key_id, sequence) IN (SELECT key_id, sequence FROM (${OLDEST}))`)
        .bind(before, limit),
      db
        .prepare("DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)")
        .bind(before, limit),
    ]),
  );
  return deleted!.meta.changes;
}

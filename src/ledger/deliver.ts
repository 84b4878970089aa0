import type { KeyEvent } from "../key/event.ts";
import type { KeyRecord } from "../key/record.ts";
import { insertEvents } from "./events.ts";
import { upsertKey } from "./keys.ts";
import { fromLedger } from "./unavailable.ts";

/** What a key's object tells the ledger: how the key stands, and the events that the ledger may not have yet. */
export type Delivery = { readonly record: KeyRecord; readonly events: readonly KeyEvent[] };

/**
 * Brings news of one key to the ledger, in one transaction. The one door through which a key's object reaches D1.
 *
 * May be called any number of times, with overlapping events and in any order: an event counts once by its sequence,
 * and a record never replaces a newer one. So after a failure, whose outcome is unknown, it is simply called again.
 *
 * @throws LedgerUnavailable when D1 fails or is silent for too long.
 */
export async function deliver(db: D1Database, { record, events }: Delivery): Promise<void> {
  await fromLedger(db.batch([insertEvents(db, record.id, events), upsertKey(db, record)]));
}

import type { KeyId } from "../key/credential.ts";
import type { ChainedEvent } from "../key/chain.ts";
import type { KeyRecord } from "../key/record.ts";
import type { HourUse } from "../key/usage.ts";
import { deleteAnchor } from "./chain.ts";
import { deleteAlerts, insertAlerts } from "./alerts.ts";
import { deleteEvents, insertEvents } from "./events.ts";
import { noteLate, type Late } from "./late.ts";
import { buryKey, upsertKey } from "./keys.ts";
import { fromLedger, isRefusal } from "./unavailable.ts";
import { forgetUsage, upsertUsage } from "./usage.ts";

/**
 * What a key's object tells the ledger: how the key stands, and the events that the ledger may not have yet. Of a key
 * that was purged only its id and its last event are left to tell.
 */
export type Delivery =
  | {
      readonly record: KeyRecord;
      readonly events: readonly ChainedEvent[];
      readonly hours?: readonly HourUse[];
      /** Present where an attempt had failed before. */
      readonly late?: Late | undefined;
    }
  | { readonly purged: KeyId; readonly events: readonly ChainedEvent[] };

/**
 * Brings news of one key to the ledger, in one transaction. The one door through which a key's object reaches D1.
 *
 * May be called any number of times, with overlapping events and in any order: an event counts once by its sequence,
 * and a record never replaces a newer one. So after a failure, whose outcome is unknown, it is simply called again.
 *
 * @throws LedgerUnavailable when D1 fails or is silent for too long.
 */
export async function deliver(db: D1Database, delivery: Delivery): Promise<void> {
  const { events } = delivery;
  const statements =
    "purged" in delivery
      ? [...purgeStatements(db, delivery.purged), ...insertEvents(db, { id: delivery.purged, owner: null }, events)]
      : [
          ...insertEvents(db, delivery.record, events),
          ...upsertUsage(db, delivery.record, delivery.hours ?? []),
          ...insertAlerts(db, delivery.record, events),
          ...(delivery.late === undefined ? [] : [noteLate(db, delivery.late)]),
          upsertKey(db, delivery.record),
        ];
  await fromLedger(db.batch(statements));
}

/**
 * Has the ledger say that it lacks something although it answers, where it was its answer that a delivery failed: so that
 * a key of which it takes nothing is known to people. A ledger that is down says so by itself. Never throws.
 */
export async function sayLate(db: D1Database, failure: unknown, late: Late): Promise<void> {
  if (!isRefusal(failure)) return;
  await fromLedger(db.batch([noteLate(db, late)])).catch(() => {});
}

/** A later, older delivery must bring nothing back: the row stays as a tombstone above every revision. */
const purgeStatements = (db: D1Database, keyId: KeyId): D1PreparedStatement[] => [
  deleteEvents(db, keyId),
  forgetUsage(db, keyId),
  deleteAnchor(db, keyId),
  deleteAlerts(db, keyId),
  buryKey(db, keyId),
];

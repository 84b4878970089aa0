import type { KeyId } from "../../src/key/credential.ts";
import type { EventType, KeyEvent } from "../../src/key/event.ts";
import type { Key, Standing } from "../../src/key/key.ts";
import { recordOf, type KeyRecord } from "../../src/key/record.ts";
import type { EpochMs } from "../../src/key/time.ts";
import { admin, aKey, t } from "./a-key.ts";

/** A key id that ends in this number. */
export const idOf = (number: number): KeyId => `key_${String(number).padStart(16, "0")}` as KeyId;

/** What an object would tell the ledger of a key. A test names what matters to it. */
export function aRecord(
  profile: Parameters<typeof aKey>[0] = {},
  standing: Partial<Standing> = {},
  now: EpochMs = t(0),
): KeyRecord {
  const key: Key = aKey(profile);
  return recordOf({ ...key, standing: { ...key.standing, ...standing } }, now);
}

/** An event with this sequence, as a key's object would have made it. */
export const anEvent = (
  sequence: number,
  type: EventType = "key.rotated",
  event: Partial<KeyEvent> = {},
): KeyEvent => ({
  sequence,
  type,
  at: t(sequence),
  by: { ...admin, requestId: `req_${sequence}` },
  detail: {},
  ...event,
});

import { change, type Circumstance } from "./change.ts";
import type { Key, Moved } from "./key.ts";
import { restEndOf } from "./lifetime.ts";
import { rfc3339, type EpochMs } from "./time.ts";

/**
 * Writes down that a key has ended because nobody used it, once that is so; `null` while it is not. The key is refused
 * from that instant on without this: it is for people, who find the end in the record, in lists and in the history.
 */
export function endRest(key: Key, circumstance: Circumstance): Moved | null {
  const end = restMayEndAt(key);
  if (end === null || circumstance.now < end) return null;
  const { expiresAt } = key.standing;
  const moved = { before: expiresAt === null ? null : rfc3339(expiresAt), after: rfc3339(end) };
  return change(key, { expiresAt: end }, "key.idle-expired", circumstance, { expiresAt: moved });
}

/** When the key will end if nobody uses it; `null` if it will not, or not for that reason. */
export function restMayEndAt(key: Key): EpochMs | null {
  const { expiresAt, revokedAt } = key.standing;
  const end = restEndOf(key);
  return end === null || revokedAt !== null || (expiresAt !== null && expiresAt <= end) ? null : end;
}

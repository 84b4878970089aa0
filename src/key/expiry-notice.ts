import { note, type Circumstance } from "./change.ts";
import type { Key, Moved } from "./key.ts";
import { after, DAY_MS, type EpochMs, rfc3339 } from "./time.ts";

/** How many days before its end people are told of it, the first time first. */
const DAYS = [30, 7, 1] as const;

/**
 * When people are to be told next that the key will end; `null`: not again. What lies behind is not made up for:
 * whoever gives a key a week to live knows that it has less than a month.
 */
export function nextExpiryNotice({ standing }: Pick<Key, "standing">, now: EpochMs): EpochMs | null {
  const { expiresAt, revokedAt } = standing;
  if (expiresAt === null || revokedAt !== null) return null;
  return DAYS.map((days) => noticeAt(expiresAt, days)).find((at) => at > now) ?? null;
}

/** Tells people how soon the key will end. Nobody is told of one that has ended: `null`. */
export function noticeExpiry(key: Key, circumstance: Circumstance): Moved | null {
  const { now } = circumstance;
  const { expiresAt, revokedAt } = key.standing;
  if (expiresAt === null || revokedAt !== null || now >= expiresAt) return null;
  const days = DAYS.findLast((each) => noticeAt(expiresAt, each) <= now);
  if (days === undefined) return null;
  return note(key, "key.expires-soon", circumstance, { days, expiresAt: rfc3339(expiresAt) });
}

const noticeAt = (end: EpochMs, days: number): EpochMs => after(end, -days * DAY_MS);

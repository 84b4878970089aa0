import { after, type EpochMs } from "../key/time.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** How long to wait after the first failed attempt, the second, and so on: almost three days in all, twelve attempts. */
export const RETRY_AFTER_MS: readonly number[] = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  24 * HOUR,
  24 * HOUR,
];

/** The longest wait that a receiver can ask for with `Retry-After`, in milliseconds. */
const LONGEST_ASKED_MS = HOUR;

/**
 * When a message that has failed so many times is tried again; `null`: not any more.
 *
 * Up to a fifth later than planned, so that messages which failed together do not return together; never earlier than
 * the receiver asked.
 *
 * @param failures at least 1
 * @param random a number in [0, 1)
 */
export function retryAt(
  failures: number,
  now: EpochMs,
  random: number,
  retryAfterSeconds: number | null,
): EpochMs | null {
  const wait = RETRY_AFTER_MS[failures - 1];
  if (wait === undefined) return null;
  const asked = Math.min(LONGEST_ASKED_MS, (retryAfterSeconds ?? 0) * SECOND);
  return after(now, Math.max(asked, Math.round(wait * (1 + random / 5))));
}

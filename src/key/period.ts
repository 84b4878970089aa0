import type { QuotaPeriod } from "./policy.ts";
import { epochMs, type EpochMs } from "./time.ts";

/** One period of a quota: from `startsAt` (inclusive) to `endsAt` (exclusive). */
export type Span = { readonly startsAt: EpochMs; readonly endsAt: EpochMs };

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
/** 1970-01-05, the first Monday of the epoch: weeks begin on Monday (ISO 8601). */
const FIRST_MONDAY = 4 * DAY;

/** The calendar period, in UTC, that an instant belongs to. */
export function spanOf(period: Exclude<QuotaPeriod, "none">, at: EpochMs): Span {
  switch (period) {
    case "hour":
      return evenSpan(HOUR, 0, at);
    case "day":
      return evenSpan(DAY, 0, at);
    case "week":
      return evenSpan(WEEK, FIRST_MONDAY, at);
    case "month": {
      const date = new Date(at);
      const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
      return { startsAt: epochMs(Date.UTC(year, month)), endsAt: epochMs(Date.UTC(year, month + 1)) };
    }
  }
}

/** UTC has no daylight saving and, in computers, no leap seconds: hours, days and weeks are all of one length. */
function evenSpan(length: number, anchor: number, at: EpochMs): Span {
  const startsAt = Math.floor((at - anchor) / length) * length + anchor;
  return { startsAt: epochMs(startsAt), endsAt: epochMs(startsAt + length) };
}

import { localDateOf, nextShift, offsetAt, startOfDay, type LocalDate } from "./local-time.ts";
import type { QuotaPeriod } from "./policy.ts";
import { DAY_MS, epochMs, type EpochMs, HOUR_MS } from "./time.ts";

/** One period of a quota: from `startsAt` (inclusive) to `endsAt` (exclusive). */
export type Span = { readonly startsAt: EpochMs; readonly endsAt: EpochMs };

/** A period that refills. */
export type RefillPeriod = Exclude<QuotaPeriod, "none">;

/**
 * The period that an instant belongs to. Hours, days, weeks (from Monday, ISO 8601) and months follow the calendar of
 * the zone: a day may have 23 or 25 hours. An even period has one length and counts from its anchor.
 *
 * The periods of a quota lie end to end: every instant belongs to exactly one of them.
 */
export function spanOf(period: RefillPeriod, zone: string, at: EpochMs): Span {
  if (typeof period === "object") return evenSpan(period.everySeconds * 1000, period.anchor, at);
  if (period === "hour") return hourSpan(zone, at);
  const index = calendarIndex(period, localDateOf(zone, at));
  const span = calendarSpan(period, zone, index);
  // Clocks that went back over midnight have shown a date before its day begins: see `startOfDay`.
  return at < span.startsAt ? calendarSpan(period, zone, index - 1) : span;
}

/**
 * How many refills lie between a span and the instant: 0 within it. Hours are counted by their length; only where the
 * clocks move by half an hour (Lord Howe Island) one of them is shorter and may go uncounted while nobody asks.
 */
export function refillsBetween(period: RefillPeriod, zone: string, span: Span, at: EpochMs): number {
  if (at < span.endsAt) return 0;
  const length = evenLength(period);
  if (length !== null) return 1 + Math.floor((at - span.endsAt) / length);
  const calendar = period as CalendarPeriod;
  const index = (instant: EpochMs) => calendarIndex(calendar, localDateOf(zone, instant));
  return Math.max(1, index(spanOf(period, zone, at).startsAt) - index(span.startsAt));
}

/** Further ahead than anybody waits, and still a date. */
const FAR_AHEAD = epochMs(Date.UTC(9999, 0));

/** The instant of the n-th refill after a span, the first being the span's end. */
export function instantOfRefill(period: RefillPeriod, zone: string, span: Span, n: number): EpochMs {
  const length = evenLength(period);
  const about = span.endsAt + (n - 1) * (length ?? SHORTEST[period as CalendarPeriod]);
  if (about >= FAR_AHEAD) return FAR_AHEAD;
  if (length !== null) return epochMs(about);
  const calendar = period as CalendarPeriod;
  return calendarSpan(calendar, zone, calendarIndex(calendar, localDateOf(zone, span.startsAt)) + n - 1).endsAt;
}

type CalendarPeriod = "day" | "week" | "month";
const SHORTEST: Record<CalendarPeriod, number> = { day: DAY_MS, week: 7 * DAY_MS, month: 28 * DAY_MS };

/** The length of a period whose refills lie evenly, in milliseconds; `null` for one that follows the calendar. */
function evenLength(period: RefillPeriod): number | null {
  if (typeof period === "object") return period.everySeconds * 1000;
  return period === "hour" ? HOUR_MS : null;
}

/** Numbers the days, weeks or months of the calendar, each one more than the one before. */
function calendarIndex(period: CalendarPeriod, { year, month, day }: LocalDate): number {
  if (period === "month") return year * 12 + (month - 1);
  const days = Date.UTC(year, month - 1, day) / DAY_MS;
  // 1970-01-01 was a Thursday; three days further back is a Monday.
  return period === "day" ? days : Math.floor((days + 3) / 7);
}

function calendarSpan(period: CalendarPeriod, zone: string, index: number): Span {
  const start = (at: number): EpochMs => startOfDay(zone, firstDayOf(period, at));
  return { startsAt: start(index), endsAt: start(index + 1) };
}

/** Days and months outside their range count on, as in `LocalDate`. */
function firstDayOf(period: CalendarPeriod, index: number): LocalDate {
  switch (period) {
    case "day":
      return { year: 1970, month: 1, day: 1 + index };
    case "week":
      return { year: 1970, month: 1, day: 1 + index * 7 - 3 };
    case "month":
      return { year: Math.floor(index / 12), month: (index % 12) + 1, day: 1 };
  }
}

/**
 * An hour of the zone's clocks. One that they repeat is a period each time it comes, and one that they enter or leave
 * half-way, where they move by half an hour, is a short one.
 */
function hourSpan(zone: string, at: EpochMs): Span {
  const offset = offsetAt(zone, at);
  const { startsAt, endsAt } = evenSpan(HOUR_MS, -offset, at);
  const lastMs = epochMs(endsAt - 1);
  return {
    startsAt: offsetAt(zone, startsAt) === offset ? startsAt : nextShift(zone, startsAt, at),
    endsAt: offsetAt(zone, lastMs) === offset ? endsAt : nextShift(zone, at, lastMs),
  };
}

function evenSpan(length: number, anchor: number, at: EpochMs): Span {
  const startsAt = Math.floor((at - anchor) / length) * length + anchor;
  return { startsAt: epochMs(startsAt), endsAt: epochMs(startsAt + length) };
}

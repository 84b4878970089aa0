import { DAY_MS, epochMs, type EpochMs, MINUTE_MS } from "./time.ts";

/** A day of the calendar. `month` is 1…12; a day or month outside its range means what counting on means. */
export type LocalDate = { readonly year: number; readonly month: number; readonly day: number };

/** Whether the text names a zone of the IANA database. Mere offsets (`+02:00`) are no zones: they know no calendar. */
export function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z]/.test(text)) return false;
  const name = text.toLowerCase();
  if (zones.has(name)) return true;
  try {
    // The formatter itself is not kept: whoever asks may be refused for something else.
    void new Intl.DateTimeFormat("en-US", { timeZone: text });
    zones.add(name);
    return true;
  } catch {
    return false;
  }
}

/** How far local time is ahead of UTC at an instant, in milliseconds. */
export function offsetAt(zone: string, at: EpochMs): number {
  if (zone === "UTC") return 0;
  const parts: Record<string, number> = {};
  for (const { type, value } of formatterOf(zone).formatToParts(at)) parts[type] = Number(value);
  const { year, month, day, hour, minute, second } = parts as Record<(typeof PARTS)[number], number>;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

/** The calendar day of an instant in a zone. */
export function localDateOf(zone: string, at: EpochMs): LocalDate {
  const local = new Date(at + offsetAt(zone, at));
  return { year: local.getUTCFullYear(), month: local.getUTCMonth() + 1, day: local.getUTCDate() };
}

/**
 * The first instant of a calendar day in a zone. Usually midnight; where the clocks skip midnight, the first instant
 * after the gap; where a calendar skips the whole day, the first instant of the next one; where the clocks go back over
 * midnight, one of the two.
 */
export function startOfDay(zone: string, { year, month, day }: LocalDate): EpochMs {
  const wall = Date.UTC(year, month - 1, day);
  if (zone === "UTC") return epochMs(wall);
  const reached = (at: number): boolean => at + offsetAt(zone, epochMs(at)) >= wall;
  // No zone is further than 15 hours from UTC, and none but by whole minutes nowadays.
  let [before, from] = [(wall - DAY_MS) / MINUTE_MS, (wall + DAY_MS) / MINUTE_MS];
  while (from - before > 1) {
    const middle = Math.floor((before + from) / 2);
    if (reached(middle * MINUTE_MS)) from = middle;
    else before = middle;
  }
  return epochMs(from * MINUTE_MS);
}

/** The instant at which the clocks of a zone move, between two that lie at most one such move apart. */
export function nextShift(zone: string, from: EpochMs, to: EpochMs): EpochMs {
  const before = offsetAt(zone, from);
  let [last, first] = [from as number, to as number];
  while (first - last > 1) {
    const middle = Math.floor((last + first) / 2);
    if (offsetAt(zone, epochMs(middle)) === before) last = middle;
    else first = middle;
  }
  return epochMs(first);
}

const PARTS = ["year", "month", "day", "hour", "minute", "second"] as const;

/** Names that are known to be of zones, in lower case: as many as there are, which is some 600. */
const zones = new Set<string>();

/** By zone, in lower case: `europe/BERLIN` is Berlin too. Each takes some 35 KB. */
const formatters = new Map<string, Intl.DateTimeFormat>();
const FORMATTERS_KEPT = 128;

/** Making one is slow, so the newest are kept. @throws RangeError if there is no such zone. */
function formatterOf(zone: string): Intl.DateTimeFormat {
  const name = zone.toLowerCase();
  let formatter = formatters.get(name);
  if (formatter === undefined) {
    if (formatters.size >= FORMATTERS_KEPT) formatters.delete(formatters.keys().next().value!);
    formatter = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      calendar: "iso8601",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formatters.set(name, formatter);
  }
  return formatter;
}

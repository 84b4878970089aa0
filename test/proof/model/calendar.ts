import type { Period } from "./call.ts";

const HOUR = 60 * 60_000;
const DAY = 24 * HOUR;

/** A period that comes to an end. */
export type Refilled = Exclude<Period, "none">;

/**
 * The name of the period that an instant belongs to: the beginning of what the clocks of the zone show, so that all
 * instants of a period, and no others, have the same. Weeks begin on Monday and are called after it. An hour that the
 * clocks show twice is two.
 */
export function nameOf(period: Refilled, zone: string, at: number): string {
  if (typeof period === "object") return `number ${Math.floor((at - period.anchor) / period.everyMs)}`;
  const text = shown(zone, at);
  switch (period) {
    case "hour":
      return text.slice(0, "2026-12-31T23".length) + text.slice("2026-12-31T23:59:59".length);
    case "day":
      return text.slice(0, "2026-12-31".length);
    case "week":
      return `week of ${new Date(mondayOf(text)).toISOString().slice(0, "2026-12-31".length)}`;
    case "month":
      return text.slice(0, "2026-12".length);
  }
}

/** How many periods an instant is behind another. Hours are counted by their length, as no clock shows it. */
export function periodsBetween(period: Refilled, zone: string, from: number, to: number): number {
  if (typeof period === "object") {
    const number = (at: number) => Math.floor((at - period.anchor) / period.everyMs);
    return number(to) - number(from);
  }
  const [earlier, later] = [shown(zone, from), shown(zone, to)];
  switch (period) {
    case "hour": {
      const begun = (text: string, at: number) => at - (at % 1000) - 1000 * (60 * minuteOf(text) + secondOf(text));
      return Math.round((begun(later, to) - begun(earlier, from)) / HOUR);
    }
    case "day":
      return (dateOf(later) - dateOf(earlier)) / DAY;
    case "week":
      return (mondayOf(later) - mondayOf(earlier)) / (7 * DAY);
    case "month":
      return monthOf(later) - monthOf(earlier);
  }
}

/** The first instant from which on something is so, between two; found by halving. @param until it must be so then. */
export function firstInstant(from: number, until: number, isSo: (at: number) => boolean): number {
  let [not, is] = [from, until];
  if (isSo(not)) return not;
  while (is - not > 1) {
    const middle = Math.floor((not + is) / 2);
    if (isSo(middle)) is = middle;
    else not = middle;
  }
  return is;
}

/** `2026-12-31T23:59:59 GMT+01:00`: what clocks and calendars of a zone show at an instant. */
function shown(zone: string, at: number): string {
  if (zone === "UTC") return new Date(at).toISOString().slice(0, 19);
  const { text, ms } = offsetAt(zone, at);
  return `${new Date(at + ms).toISOString().slice(0, 19)} ${text}`;
}

/** No clock that the campaigns look at is moved at another instant than a quarter of an hour. */
const QUARTER = 15 * 60_000;

/** `GMT+01:00`, or `GMT`, and how much that is. */
type Offset = { readonly text: string; readonly ms: number };
/** By zone and the number of the quarter. */
const offsets = new Map<string, Map<number, Offset>>();

function offsetAt(zone: string, at: number): Offset {
  let known = offsets.get(zone);
  if (known === undefined || known.size > 50_000) offsets.set(zone, (known = new Map()));
  const quarter = Math.floor(at / QUARTER);
  let offset = known.get(quarter);
  if (offset === undefined) known.set(quarter, (offset = read(clockOf(zone).format(at).split(" ")[1]!)));
  return offset;
}

function read(text: string): Offset {
  const [sign, hours, minutes] = [text[3] === "-" ? -1 : 1, Number(text.slice(4, 6)), Number(text.slice(7, 9))];
  return { text, ms: sign * (hours * 60 + minutes) * 60_000 };
}

const clocks = new Map<string, Intl.DateTimeFormat>();
function clockOf(zone: string): Intl.DateTimeFormat {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat("en", { timeZone: zone, year: "numeric", timeZoneName: "longOffset" });
    clocks.set(zone, clock);
  }
  return clock;
}

const dateOf = (text: string): number => Date.parse(text.slice(0, 10));
const monthOf = (text: string): number => Number(text.slice(0, 4)) * 12 + Number(text.slice(5, 7));
const minuteOf = (text: string): number => Number(text.slice(14, 16));
const secondOf = (text: string): number => Number(text.slice(17, 19));
/** Of the date in the text, or the last Monday before it. */
const mondayOf = (text: string): number => {
  const date = dateOf(text);
  return date - ((new Date(date).getUTCDay() + 6) % 7) * DAY;
};

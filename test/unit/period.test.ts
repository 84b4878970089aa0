import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instantOfRefill, refillsBetween, spanOf, type RefillPeriod } from "../../src/key/period.ts";
import { epochMs, rfc3339, type EpochMs } from "../../src/key/time.ts";

const HOUR = 3_600_000;

const instant = (text: string): EpochMs => epochMs(Date.parse(text));

describe("the calendar period in UTC of an instant", () => {
  it.each([
    ["hour", "an instant inside", "2026-03-04T05:06:07.008Z", "2026-03-04T05:00:00.000Z", "2026-03-04T06:00:00.000Z"],
    ["hour", "its first ms", "2026-03-04T05:00:00.000Z", "2026-03-04T05:00:00.000Z", "2026-03-04T06:00:00.000Z"],
    ["hour", "the ms before", "2026-03-04T04:59:59.999Z", "2026-03-04T04:00:00.000Z", "2026-03-04T05:00:00.000Z"],
    ["hour", "the last of a year", "2026-12-31T23:59:59.999Z", "2026-12-31T23:00:00.000Z", "2027-01-01T00:00:00.000Z"],
    ["day", "an instant inside", "2026-03-04T05:06:07.008Z", "2026-03-04T00:00:00.000Z", "2026-03-05T00:00:00.000Z"],
    ["day", "the leap day", "2028-02-29T12:00:00.000Z", "2028-02-29T00:00:00.000Z", "2028-03-01T00:00:00.000Z"],
    ["day", "daylight saving begins in Europe", "2026-03-29T03:00:00.000Z", "2026-03-29T00:00:00.000Z", "2026-03-30T00:00:00.000Z"], // prettier-ignore
    ["week", "a Thursday", "2026-01-01T00:00:00.000Z", "2025-12-29T00:00:00.000Z", "2026-01-05T00:00:00.000Z"],
    ["week", "Monday's first ms", "2026-01-05T00:00:00.000Z", "2026-01-05T00:00:00.000Z", "2026-01-12T00:00:00.000Z"],
    ["week", "Sunday's last ms", "2026-01-04T23:59:59.999Z", "2025-12-29T00:00:00.000Z", "2026-01-05T00:00:00.000Z"],
    ["week", "the first of the epoch", "1970-01-05T00:00:00.000Z", "1970-01-05T00:00:00.000Z", "1970-01-12T00:00:00.000Z"], // prettier-ignore
    ["month", "31 days", "2026-01-31T23:59:59.999Z", "2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"],
    ["month", "30 days", "2026-04-30T23:59:59.999Z", "2026-04-01T00:00:00.000Z", "2026-05-01T00:00:00.000Z"],
    ["month", "28 days", "2026-02-28T23:59:59.999Z", "2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"],
    ["month", "a leap year", "2028-02-29T00:00:00.000Z", "2028-02-01T00:00:00.000Z", "2028-03-01T00:00:00.000Z"],
    ["month", "no leap year, though 4 divides it", "2100-02-28T12:00:00.000Z", "2100-02-01T00:00:00.000Z", "2100-03-01T00:00:00.000Z"], // prettier-ignore
    ["month", "a leap year, though 100 divides it", "2000-02-29T12:00:00.000Z", "2000-02-01T00:00:00.000Z", "2000-03-01T00:00:00.000Z"], // prettier-ignore
    ["month", "December", "2026-12-31T23:59:59.999Z", "2026-12-01T00:00:00.000Z", "2027-01-01T00:00:00.000Z"],
  ] as const)("%s: %s", (period, _name, at, startsAt, endsAt) => {
    const span = spanOf(period, "UTC", instant(at));
    expect([rfc3339(span.startsAt), rfc3339(span.endsAt)]).toEqual([startsAt, endsAt]);
  });

  it("belongs to exactly one period: they touch, and never overlap", () => {
    const at = fc.integer({ min: 0, max: Date.UTC(2200, 0) }).map(epochMs);
    fc.assert(
      fc.property(fc.constantFrom("hour", "day", "week", "month"), at, (period, now) => {
        const span = spanOf(period, "UTC", now);
        expect(span.startsAt).toBeLessThanOrEqual(now);
        expect(span.endsAt).toBeGreaterThan(now);
        expect(spanOf(period, "UTC", span.startsAt)).toEqual(span);
        expect(spanOf(period, "UTC", epochMs(span.endsAt - 1))).toEqual(span);
        expect(spanOf(period, "UTC", span.endsAt).startsAt).toBe(span.endsAt);
      }),
    );
  });

  it("begins its weeks on Mondays", () => {
    const at = fc.integer({ min: 0, max: Date.UTC(2200, 0) }).map(epochMs);
    fc.assert(
      fc.property(at, (now) => {
        expect(new Date(spanOf("week", "UTC", now).startsAt).getUTCDay()).toBe(1);
      }),
    );
  });
});

/** From when to when, in UTC, to the minute; and how many hours that is. */
function told(period: RefillPeriod, zone: string, at: string): readonly [from: string, to: string, hours: number] {
  const { startsAt, endsAt } = spanOf(period, zone, instant(at));
  const minutes = (time: EpochMs) => rfc3339(time).slice(0, 16);
  return [minutes(startsAt), minutes(endsAt), (endsAt - startsAt) / HOUR];
}

describe("the calendar period of an instant where the clocks move", () => {
  // prettier-ignore
  it.each([
    // Central Europe: forward on the last Sunday of March at 1:00 UTC, back on that of October.
    ["Europe/Berlin", "day", "an ordinary one", "2026-03-28T12:00Z", "2026-03-27T23:00", "2026-03-28T23:00", 24],
    ["Europe/Berlin", "day", "23 hours", "2026-03-29T12:00Z", "2026-03-28T23:00", "2026-03-29T22:00", 23],
    ["Europe/Berlin", "day", "23 hours, its last ms", "2026-03-29T21:59:59.999Z", "2026-03-28T23:00", "2026-03-29T22:00", 23],
    ["Europe/Berlin", "day", "the day after", "2026-03-29T22:00Z", "2026-03-29T22:00", "2026-03-30T22:00", 24],
    ["Europe/Berlin", "day", "25 hours", "2026-10-25T12:00Z", "2026-10-24T22:00", "2026-10-25T23:00", 25],
    ["Europe/Berlin", "day", "25 hours, the first pass of 2:30", "2026-10-25T00:30Z", "2026-10-24T22:00", "2026-10-25T23:00", 25],
    ["Europe/Berlin", "day", "25 hours, the second pass of 2:30", "2026-10-25T01:30Z", "2026-10-24T22:00", "2026-10-25T23:00", 25],
    ["Europe/Berlin", "week", "an hour short", "2026-03-25T12:00Z", "2026-03-22T23:00", "2026-03-29T22:00", 167],
    ["Europe/Berlin", "week", "an hour long", "2026-10-21T12:00Z", "2026-10-18T22:00", "2026-10-25T23:00", 169],
    ["Europe/Berlin", "month", "March", "2026-03-15T12:00Z", "2026-02-28T23:00", "2026-03-31T22:00", 743],
    ["Europe/Berlin", "month", "February of a leap year", "2028-02-29T12:00Z", "2028-01-31T23:00", "2028-02-29T23:00", 696],
    ["Europe/Berlin", "month", "begins while UTC is still in the one before", "2026-04-30T22:00Z", "2026-04-30T22:00", "2026-05-31T22:00", 744],
    ["Europe/Berlin", "hour", "the one before the clocks go forward", "2026-03-29T00:59:59.999Z", "2026-03-29T00:00", "2026-03-29T01:00", 1],
    ["Europe/Berlin", "hour", "the one after", "2026-03-29T01:00Z", "2026-03-29T01:00", "2026-03-29T02:00", 1],
    ["Europe/Berlin", "hour", "two o'clock, the first time", "2026-10-25T00:30Z", "2026-10-25T00:00", "2026-10-25T01:00", 1],
    ["Europe/Berlin", "hour", "two o'clock, the second time", "2026-10-25T01:30Z", "2026-10-25T01:00", "2026-10-25T02:00", 1],
    // The eastern United States: forward on the second Sunday of March at 2:00 local, back on the first of November.
    ["America/New_York", "day", "23 hours", "2026-03-08T12:00Z", "2026-03-08T05:00", "2026-03-09T04:00", 23],
    ["America/New_York", "day", "25 hours", "2026-11-01T12:00Z", "2026-11-01T04:00", "2026-11-02T05:00", 25],
    ["America/New_York", "day", "the evening belongs to the day before UTC's", "2026-07-05T03:59:59.999Z", "2026-07-04T04:00", "2026-07-05T04:00", 24],
    ["America/New_York", "month", "November", "2026-11-15T12:00Z", "2026-11-01T04:00", "2026-12-01T05:00", 721],
    ["America/New_York", "month", "December, across the year's end", "2027-01-01T04:59:59.999Z", "2026-12-01T05:00", "2027-01-01T05:00", 744],
    // Clocks that skip midnight: the day begins at 1:00.
    ["America/Santiago", "day", "begins an hour late", "2026-09-06T12:00Z", "2026-09-06T04:00", "2026-09-07T03:00", 23],
    ["America/Santiago", "day", "the one before is whole", "2026-09-06T03:59:59.999Z", "2026-09-05T04:00", "2026-09-06T04:00", 24],
    ["America/Santiago", "day", "11 pm comes twice before it ends", "2026-04-05T03:30Z", "2026-04-04T03:00", "2026-04-05T04:00", 25],
    ["Africa/Cairo", "day", "begins at 1:00 on a Friday", "2026-04-24T12:00Z", "2026-04-23T22:00", "2026-04-24T21:00", 23],
    // Clocks that move by half an hour.
    ["Australia/Lord_Howe", "day", "23 and a half hours", "2026-10-04T01:00Z", "2026-10-03T13:30", "2026-10-04T13:00", 23.5],
    ["Australia/Lord_Howe", "day", "24 and a half", "2026-04-05T01:00Z", "2026-04-04T13:00", "2026-04-05T13:30", 24.5],
    ["Australia/Lord_Howe", "hour", "before they go forward", "2026-10-03T15:29:59.999Z", "2026-10-03T14:30", "2026-10-03T15:30", 1],
    ["Australia/Lord_Howe", "hour", "entered half-way", "2026-10-03T15:30Z", "2026-10-03T15:30", "2026-10-03T16:00", 0.5],
    ["Australia/Lord_Howe", "hour", "and the next is whole", "2026-10-03T16:00Z", "2026-10-03T16:00", "2026-10-03T17:00", 1],
    ["Australia/Lord_Howe", "hour", "before they go back", "2026-04-04T14:59:59.999Z", "2026-04-04T14:00", "2026-04-04T15:00", 1],
    ["Australia/Lord_Howe", "hour", "the second half of it again", "2026-04-04T15:00Z", "2026-04-04T15:00", "2026-04-04T15:30", 0.5],
    // Clocks that are not whole hours away from UTC.
    ["Asia/Kolkata", "hour", "begins at half past in UTC", "2026-05-01T10:29:59.999Z", "2026-05-01T09:30", "2026-05-01T10:30", 1],
    ["Asia/Kathmandu", "day", "begins at a quarter past", "2026-05-01T12:00Z", "2026-04-30T18:15", "2026-05-01T18:15", 24],
    // A whole day that never was: Samoa left out the 30th of December 2011.
    ["Pacific/Apia", "day", "the 29th", "2011-12-30T09:59:59.999Z", "2011-12-29T10:00", "2011-12-30T10:00", 24],
    ["Pacific/Apia", "day", "the 31st", "2011-12-30T10:00Z", "2011-12-30T10:00", "2011-12-31T10:00", 24],
    // Clocks that went back a minute past midnight, into the day before.
    ["America/St_Johns", "day", "the new date for a minute", "2009-11-01T02:30Z", "2009-10-31T02:30", "2009-11-01T03:30", 25],
    ["America/St_Johns", "day", "the old date once more", "2009-11-01T02:31Z", "2009-10-31T02:30", "2009-11-01T03:30", 25],
    ["America/St_Johns", "day", "the new date for good", "2009-11-01T03:30Z", "2009-11-01T03:30", "2009-11-02T03:30", 24],
  ] as const)("%s, %s: %s", (zone, period, _name, at, ...span) => {
    expect(told(period, zone, at)).toEqual(span);
  });

  const zones = Intl.supportedValuesOf("timeZone");
  const someTime = fc.integer({ min: Date.UTC(2015, 0), max: Date.UTC(2040, 0) }).map(epochMs);
  const periods = fc.constantFrom("hour", "day", "week", "month");

  it("belongs to exactly one, in every zone there is", () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), periods, someTime, (zone, period, now) => {
        const span = spanOf(period, zone, now);
        expect(span.startsAt).toBeLessThanOrEqual(now);
        expect(span.endsAt).toBeGreaterThan(now);
        expect(spanOf(period, zone, span.startsAt)).toEqual(span);
        expect(spanOf(period, zone, epochMs(span.endsAt - 1))).toEqual(span);
        expect(spanOf(period, zone, span.endsAt).startsAt).toBe(span.endsAt);
      }),
      { numRuns: 500 },
    );
  });

  it("is followed by the next wherever the clocks move, in every zone, from 2024 to 2028", () => {
    const broken: string[] = [];
    for (const zone of zones) {
      for (const move of movesOf(zone)) {
        for (const [period, around] of [
          ["hour", 3],
          ["day", 40],
        ] as const) {
          let span = spanOf(period, zone, epochMs(move - around * HOUR));
          while (span.startsAt < move + around * HOUR) {
            const next = spanOf(period, zone, span.endsAt);
            if (next.startsAt !== span.endsAt || next.endsAt <= next.startsAt) broken.push(`${zone} ${period} ${move}`);
            span = next;
          }
        }
      }
    }
    expect(broken).toEqual([]);
  }, 20_000);

  /** When the clocks of a zone move, to the minute. No zone keeps a move for less than ten days. */
  function movesOf(zone: string): readonly number[] {
    const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
    const offset = (at: number) => format.formatToParts(at).at(-1)!.value;
    const step = 10 * 24 * HOUR;
    const moves: number[] = [];
    for (let from = Date.UTC(2024, 0); from < Date.UTC(2028, 0); from += step) {
      const before = offset(from);
      if (before === offset(from + step)) continue;
      let [last, first] = [from, from + step];
      while (first - last > 60_000) {
        const middle = Math.round((last + first) / 2 / 60_000) * 60_000;
        if (offset(middle) === before) last = middle;
        else first = middle;
      }
      moves.push(first);
    }
    return moves;
  }

  it("knows of such moves in more than a hundred zones", () => {
    expect(zones.filter((zone) => movesOf(zone).length > 0).length).toBeGreaterThan(100);
  }, 20_000);
});

describe("an even period", () => {
  const anchor = instant("2026-01-01T06:00Z");
  const eightHours = { everySeconds: 8 * 3600, anchor };

  it.each([
    ["at its anchor", "2026-01-01T06:00Z", "2026-01-01T06:00", "2026-01-01T14:00"],
    ["1 ms before", "2026-01-01T05:59:59.999Z", "2025-12-31T22:00", "2026-01-01T06:00"],
    ["long before", "1999-12-31T23:59:59.999Z", "1999-12-31T22:00", "2000-01-01T06:00"],
    ["long after, whatever clocks did meanwhile", "2026-07-01T13:59:59.999Z", "2026-07-01T06:00", "2026-07-01T14:00"],
  ])("%s", (_name, at, from, to) => {
    expect(told(eightHours, "Europe/Berlin", at)).toEqual([from, to, 8]);
  });

  it("may be a second long, or a year and a day", () => {
    expect(spanOf({ everySeconds: 1, anchor: epochMs(250) }, "UTC", epochMs(1_249))).toEqual({
      startsAt: 250,
      endsAt: 1_250,
    });
    expect(told({ everySeconds: 366 * 86_400, anchor }, "UTC", "2026-05-05T00:00Z")).toEqual([
      "2026-01-01T06:00",
      "2027-01-02T06:00",
      366 * 24,
    ]);
  });
});

describe("the refills between a period and a later instant", () => {
  it.each([
    ["hour", "UTC", "2026-01-01T10:30Z", "2026-01-01T10:59:59.999Z", 0],
    ["hour", "UTC", "2026-01-01T10:30Z", "2026-01-01T11:00Z", 1],
    ["hour", "UTC", "2026-01-01T10:30Z", "2026-01-02T10:30Z", 24],
    ["day", "Europe/Berlin", "2026-03-28T12:00Z", "2026-03-29T21:59:59.999Z", 1],
    ["day", "Europe/Berlin", "2026-03-28T12:00Z", "2026-03-29T22:00Z", 2],
    ["day", "Europe/Berlin", "2026-01-01T12:00Z", "2027-01-01T12:00Z", 365],
    ["day", "Europe/Berlin", "2028-01-01T12:00Z", "2029-01-01T12:00Z", 366],
    ["week", "America/New_York", "2026-03-04T12:00Z", "2026-03-16T03:59:59.999Z", 1],
    ["week", "America/New_York", "2026-03-04T12:00Z", "2026-03-16T04:00Z", 2],
    ["month", "America/New_York", "2026-01-31T12:00Z", "2026-03-01T04:59:59.999Z", 1],
    ["month", "America/New_York", "2026-01-31T12:00Z", "2026-03-01T05:00Z", 2],
    [{ everySeconds: 7, anchor: epochMs(0) }, "UTC", "1970-01-01T00:00:06.999Z", "1970-01-01T00:00:27.999Z", 3],
    [{ everySeconds: 7, anchor: epochMs(0) }, "UTC", "1970-01-01T00:00:06.999Z", "1970-01-01T00:00:28Z", 4],
  ] as const)("%o in %s from %s to %s: %i", (period, zone, from, to, refills) => {
    expect(refillsBetween(period, zone, spanOf(period, zone, instant(from)), instant(to))).toBe(refills);
  });

  it("come when they are said to come: the n-th not a millisecond before its instant", () => {
    const period = fc.constantFrom<RefillPeriod>("hour", "day", "week", "month", {
      everySeconds: 777,
      anchor: epochMs(5),
    });
    const zone = fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Kathmandu");
    const now = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2030, 0) }).map(epochMs);
    fc.assert(
      fc.property(period, zone, now, fc.integer({ min: 1, max: 400 }), (rule, where, at, n) => {
        const span = spanOf(rule, where, at);
        const due = instantOfRefill(rule, where, span, n);
        expect(refillsBetween(rule, where, span, due)).toBe(n);
        expect(refillsBetween(rule, where, span, epochMs(due - 1))).toBe(n - 1);
      }),
      { numRuns: 500 },
    );
  });

  it("are told as a date even where they never come", () => {
    const span = spanOf("month", "Europe/Berlin", instant("2026-01-01T00:00Z"));
    expect(rfc3339(instantOfRefill("month", "Europe/Berlin", span, 1e12))).toBe("9999-01-01T00:00:00.000Z");
    expect(rfc3339(instantOfRefill("hour", "UTC", spanOf("hour", "UTC", instant("2026-01-01T00:00Z")), 100_000))).toBe(
      "2037-05-29T16:00:00.000Z",
    );
  });
});

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { spanOf } from "../../src/key/period.ts";
import { epochMs, rfc3339, type EpochMs } from "../../src/key/time.ts";

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
    const span = spanOf(period, instant(at));
    expect([rfc3339(span.startsAt), rfc3339(span.endsAt)]).toEqual([startsAt, endsAt]);
  });

  it("belongs to exactly one period: they touch, and never overlap", () => {
    const at = fc.integer({ min: 0, max: Date.UTC(2200, 0) }).map(epochMs);
    fc.assert(
      fc.property(fc.constantFrom("hour", "day", "week", "month"), at, (period, now) => {
        const span = spanOf(period, now);
        expect(span.startsAt).toBeLessThanOrEqual(now);
        expect(span.endsAt).toBeGreaterThan(now);
        expect(spanOf(period, span.startsAt)).toEqual(span);
        expect(spanOf(period, epochMs(span.endsAt - 1))).toEqual(span);
        expect(spanOf(period, span.endsAt).startsAt).toBe(span.endsAt);
      }),
    );
  });

  it("begins its weeks on Mondays", () => {
    const at = fc.integer({ min: 0, max: Date.UTC(2200, 0) }).map(epochMs);
    fc.assert(
      fc.property(at, (now) => {
        expect(new Date(spanOf("week", now).startsAt).getUTCDay()).toBe(1);
      }),
    );
  });
});

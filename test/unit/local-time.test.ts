import { describe, expect, it, vi } from "vitest";
import { isTimeZone, localDateOf, offsetAt, startOfDay } from "../../src/key/local-time.ts";
import { epochMs, rfc3339 } from "../../src/key/time.ts";

const instant = (text: string) => epochMs(Date.parse(text));

describe("the name of a time zone", () => {
  it.each(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+12", "Asia/Kathmandu"])(
    "%s is one",
    (name) => {
      expect(isTimeZone(name)).toBe(true);
    },
  );

  it.each(["", "+02:00", "-0530", "02:00", "Europe/Nowhere", "Europe/Berlin ", "local", "__proto__", "Z"])(
    "%j is none",
    (name) => {
      expect(isTimeZone(name)).toBe(false);
    },
  );
});

it.each([
  ["UTC", "2026-07-01T12:00Z", 0],
  ["Europe/Berlin", "2026-03-29T00:59:59.999Z", 60],
  ["Europe/Berlin", "2026-03-29T01:00Z", 120],
  ["Europe/Berlin", "2026-10-25T00:59:59.999Z", 120],
  ["Europe/Berlin", "2026-10-25T01:00Z", 60],
  ["America/New_York", "2026-03-08T06:59:59.999Z", -300],
  ["America/New_York", "2026-03-08T07:00Z", -240],
  ["Asia/Kathmandu", "2026-01-01T00:00Z", 345],
  ["Australia/Lord_Howe", "2026-01-01T00:00Z", 660],
  ["Australia/Lord_Howe", "2026-07-01T00:00Z", 630],
  ["Pacific/Kiritimati", "2026-01-01T00:00Z", 840],
  ["Etc/GMT+12", "2026-01-01T00:00Z", -720],
] as const)("%s at %s is %i minutes ahead of UTC", (zone, at, minutes) => {
  expect(offsetAt(zone, instant(at))).toBe(minutes * 60_000);
});

it("tells the day that a wall calendar shows", () => {
  expect(localDateOf("Pacific/Kiritimati", instant("2026-12-31T10:00Z"))).toEqual({ year: 2027, month: 1, day: 1 });
  expect(localDateOf("Etc/GMT+12", instant("2027-01-01T11:59:59.999Z"))).toEqual({ year: 2026, month: 12, day: 31 });
  expect(localDateOf("America/New_York", instant("2028-03-01T04:59:59.999Z"))).toEqual({
    year: 2028,
    month: 2,
    day: 29,
  });
});

it.each([
  ["UTC", { year: 2026, month: 1, day: 1 }, "2026-01-01T00:00:00.000Z"],
  ["UTC", { year: 2026, month: 13, day: 32 }, "2027-02-01T00:00:00.000Z"],
  ["Europe/Berlin", { year: 2026, month: 2, day: 29 }, "2026-02-28T23:00:00.000Z"],
  ["Europe/Berlin", { year: 2028, month: 2, day: 29 }, "2028-02-28T23:00:00.000Z"],
  ["America/Santiago", { year: 2026, month: 9, day: 6 }, "2026-09-06T04:00:00.000Z"],
  ["Pacific/Kiritimati", { year: 2026, month: 1, day: 1 }, "2025-12-31T10:00:00.000Z"],
] as const)("a day in %s, %o, begins at %s", (zone, date, at) => {
  expect(rfc3339(startOfDay(zone, date))).toBe(at);
});

describe("what is kept of the zones that were asked for", () => {
  /** How many formatters a call makes. */
  const made = (call: () => void): number => {
    const { DateTimeFormat } = Intl;
    let count = 0;
    const spy = vi.spyOn(Intl, "DateTimeFormat").mockImplementation(function (...args) {
      count += 1;
      return new DateTimeFormat(...args);
    });
    call();
    spy.mockRestore();
    return count;
  };
  const now = instant("2026-07-01T12:00:00Z");
  const zones = Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC");

  it("is nothing where it was only asked whether there is such a zone", async () => {
    // One that no other test has asked anything.
    vi.resetModules();
    const fresh = await import("../../src/key/local-time.ts");
    expect(made(() => fresh.isTimeZone("Antarctica/Troll"))).toBe(1);
    expect(made(() => ["antarctica/troll", "ANTARCTICA/TROLL"].every(fresh.isTimeZone))).toBe(0);
    expect(made(() => fresh.offsetAt("Antarctica/Troll", now))).toBe(1);
    expect(made(() => fresh.offsetAt("Antarctica/Troll", now))).toBe(0);
  });

  it("is one, however the zone is spelt", () => {
    offsetAt("Europe/Berlin", now);
    const spelt = ["europe/berlin", "EUROPE/BERLIN", "eUrOpE/bErLiN"];
    expect(made(() => spelt.map((zone) => offsetAt(zone, now)))).toBe(0);
  });

  it("is that of the newest 128 zones", () => {
    expect(zones.length).toBeGreaterThan(300);
    expect(made(() => zones.map((zone) => offsetAt(zone, now)))).toBeGreaterThan(zones.length - 130);
    expect(made(() => zones.slice(-128).map((zone) => offsetAt(zone, now)))).toBe(0);
    expect(made(() => offsetAt(zones.at(-129)!, now))).toBe(1);
  });
});

import { describe, expect, it } from "vitest";
import { after, epochMs, ForwardClock, rfc3339, secondsUntil } from "../../src/key/time.ts";
import { t } from "../support/a-key.ts";

describe("a clock that never goes back", () => {
  /** Reads the clock once for each reading of the machine's clock. */
  const readings = (newest: number, machine: readonly number[]): number[] => {
    let at = 0;
    const clock = new ForwardClock(epochMs(newest), () => machine[at++]!);
    return machine.map(() => clock.now());
  };

  it.each([
    ["follows a clock that runs", 0, [1, 2, 3], [1, 2, 3]],
    ["stands still while the machine's clock does", 0, [5, 5, 5], [5, 5, 5]],
    ["waits out a step back", 0, [100, 40, 99, 100, 101], [100, 100, 100, 100, 101]],
    ["never falls behind what the key had seen before it woke", 100, [40, 99, 100, 101], [100, 100, 100, 101]],
    ["keeps a jump ahead", 0, [1, 1e12, 2], [1, 1e12, 1e12]],
  ])("%s", (_name, newest, machine, seen) => {
    expect(readings(newest, machine)).toEqual(seen);
  });
});

describe("seconds until an instant", () => {
  it.each([
    [0, 0],
    [1, 1],
    [999, 1],
    [1000, 1],
    [1001, 2],
    [60_000, 60],
    [-1, 0],
    [-10_000, 0],
  ])("%i ms are told as %i s: an obedient client is never early", (ms, seconds) => {
    expect(secondsUntil(after(t(0), ms), t(0))).toBe(seconds);
  });
});

it.each([
  [0, "1970-01-01T00:00:00.000Z"],
  [Date.UTC(2026, 1, 28, 23, 59, 59, 7), "2026-02-28T23:59:59.007Z"],
])("times leave as RFC 3339 in UTC with milliseconds", (ms, text) => {
  expect(rfc3339(epochMs(ms))).toBe(text);
});

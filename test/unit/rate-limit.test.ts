import { describe, expect, it } from "vitest";
import { readRateLimit, takeFromRateLimit, type RateLimitState } from "../../src/key/rate-limit.ts";
import type { EpochMs } from "../../src/key/time.ts";
import { aWindow, t } from "../support/a-key.ts";

const rule = aWindow(2, 60);

/** Whether each of the requests at these instants fits. */
function takes(instants: readonly EpochMs[]): boolean[] {
  let state: RateLimitState = null;
  return instants.map((now) => {
    const take = takeFromRateLimit(rule, state, 1, now);
    if (take.ok) state = take.next;
    return take.ok;
  });
}

describe("a limit of 2 in a window of 60 s", () => {
  it.each([
    ["admits 2 at once, not 3", [0, 0, 0], [true, true, false]],
    ["opens the window with its first request, not on the minute", [59, 61, 62], [true, true, false]],
    ["is still the old window 1 ms before 60 s have passed", [0, 0, 59.999], [true, true, false]],
    ["is still the old window when exactly 60 s have passed", [0, 0, 60], [true, true, false]],
    ["is a new window 1 ms after 60 s have passed", [0, 0, 60.001], [true, true, true]],
    ["counts the new window from the request that opens it", [0, 60.001, 120, 120.001], [true, true, true, false]],
    ["gives nothing back for a window that stood idle", [0, 300, 300, 300], [true, true, true, false]],
    ["is not moved on by requests it refuses", [0, 0, 30, 45, 60, 60.001], [true, true, false, false, false, true]],
  ])("%s", (_name, seconds, fitted) => {
    expect(takes(seconds.map(t))).toEqual(fitted);
  });

  it("names the first instant at which a refused request would fit", () => {
    const full: RateLimitState = { openedAt: t(0), used: 2 };
    expect(takeFromRateLimit(rule, full, 1, t(10))).toEqual({ ok: false, retryAt: t(60.001) });
    expect(takeFromRateLimit(rule, full, 1, t(60.001))).toEqual({ ok: true, next: { openedAt: t(60.001), used: 1 } });
  });

  it.each([
    ["nothing yet", null, 0, 2, null],
    ["one of two", { openedAt: t(0), used: 1 }, 30, 1, 60.001],
    ["both", { openedAt: t(0), used: 2 }, 60, 0, 60.001],
    ["a window that is over", { openedAt: t(0), used: 2 }, 60.001, 2, null],
    ["more than the limit now allows", { openedAt: t(0), used: 9 }, 30, 0, 60.001],
  ])("tells what is left of it: %s", (_name, state, seconds, remaining, resets) => {
    expect(readRateLimit(rule, state, t(seconds))).toEqual({
      rule,
      remaining,
      resetsAt: resets === null ? null : t(resets),
    });
  });
});

it("admits exactly the limit in every window of a long and steady stream", () => {
  // Ten a second for an hour against 7 in 10 s. A window lasts until the first request more than 10 s after it opened.
  const steady = aWindow(7, 10);
  let state: RateLimitState = null;
  let admitted = 0;
  for (let tenth = 0; tenth < 36_000; tenth++) {
    const take = takeFromRateLimit(steady, state, 1, t(tenth / 10));
    if (take.ok) {
      state = take.next;
      admitted += 1;
    }
  }
  // Each window opens 10.1 s after the last one: 356.4 of them begin in an hour, and each admits all of its 7.
  expect(admitted).toBe(357 * 7);
});

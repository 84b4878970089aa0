import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QUOTA_PERIODS, type QuotaRule } from "../../src/key/policy.ts";
import { freshQuota, readQuota, takeFromQuota, type QuotaState } from "../../src/key/quota.ts";
import { epochMs, type EpochMs } from "../../src/key/time.ts";
import { aQuota, t } from "../support/a-key.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;

/** Takes one cost after the other and tells which fitted. */
function take(rule: QuotaRule, costs: readonly (readonly [cost: number, now: EpochMs])[]) {
  let state: QuotaState | null = null;
  return costs.map(([cost, now]) => {
    const taken = takeFromQuota(rule, state, cost, now);
    if (taken.ok) state = taken.next;
    return taken.ok;
  });
}

describe("a quota of 3", () => {
  it.each(QUOTA_PERIODS)("admits 3 per %s, not 2 and not 4", (period) => {
    const ones = Array.from({ length: 6 }, () => [1, t(10)] as const);
    expect(take(aQuota(3, period), ones)).toEqual([true, true, true, false, false, false]);
  });

  it.each([
    ["hour", HOUR],
    ["day", DAY],
    ["week", 4 * DAY], // the first of January 2026 is a Thursday
    ["month", 31 * DAY],
  ] as const)("is whole again in the first millisecond of the next %s, and not one before", (period, seconds) => {
    const rule = aQuota(3, period);
    const spent = { ...freshQuota(rule, t(0)), used: 3 };
    expect(takeFromQuota(rule, spent, 1, t(seconds - 0.001))).toEqual({ ok: false, never: false, retryAt: t(seconds) });
    expect(takeFromQuota(rule, spent, 1, t(seconds))).toMatchObject({ ok: true, next: { used: 1 } });
  });

  it("never refills when its period is none, and says that waiting does not help", () => {
    const rule = aQuota(3, "none");
    const spent = { span: null, used: 3, carried: 0 };
    expect(takeFromQuota(rule, spent, 1, t(1000 * DAY))).toEqual({ ok: false, never: false, retryAt: null });
    expect(readQuota(rule, spent, t(1000 * DAY))).toEqual({
      rule,
      used: 3,
      remaining: 0,
      startsAt: null,
      resetsAt: null,
    });
  });

  it("spends no unit on a cost that does not fit, so a smaller one still does", () => {
    expect(take(aQuota(3), [[2, t(0)], [2, t(0)], [1, t(0)], [1, t(0)]])).toEqual([true, false, true, false]); // prettier-ignore
  });

  it("lets a cost of 0 pass even when nothing is left, and takes nothing", () => {
    const rule = aQuota(3);
    const spent = { ...freshQuota(rule, t(0)), used: 3 };
    expect(takeFromQuota(rule, spent, 0, t(1))).toEqual({ ok: true, next: spent });
  });

  it.each(QUOTA_PERIODS)("knows a cost of 4 per %s: no period ever holds it, but a balance may be raised", (period) => {
    const retryAt = null;
    expect(takeFromQuota(aQuota(3, period), null, 4, t(0))).toEqual({ ok: false, never: period !== "none", retryAt });
  });
});

it("tells what is left, and when it is whole again", () => {
  const rule = aQuota(50);
  const state = { ...freshQuota(rule, t(0)), used: 12 };
  expect(readQuota(rule, state, t(5))).toEqual({ rule, used: 12, remaining: 38, startsAt: t(0), resetsAt: t(DAY) });
  expect(readQuota(rule, state, t(DAY))).toEqual({
    rule,
    used: 0,
    remaining: 50,
    startsAt: t(DAY),
    resetsAt: t(2 * DAY),
  });
});

it("tells no negative remainder when more was used than the limit now allows", () => {
  expect(readQuota(aQuota(5), { ...freshQuota(aQuota(5), t(0)), used: 9 }, t(1)).remaining).toBe(0);
});

describe("a quota that carries over: 10 a day, at most 25 at once", () => {
  const rule = aQuota(10, "day", { refill: "add", cap: 25 });
  const at = (day: number) => t(day * DAY);

  /** What is left after each of these costs, or when a cost that does not fit will. */
  function remains(steps: readonly (readonly [cost: number, day: number])[], of = rule) {
    let state: QuotaState | null = freshQuota(of, t(0));
    return steps.map(([cost, day]) => {
      const taken = takeFromQuota(of, state, cost, at(day));
      if (taken.ok) state = taken.next;
      else if (taken.never) return "never";
      else return `day ${(taken.retryAt! - t(0)) / DAY / 1000}`;
      return readQuota(of, state, at(day)).remaining;
    });
  }

  // prettier-ignore
  it.each([
    ["what is left is added to the next day's", [[4, 0], [0, 1]], [6, 16]],
    ["day after day, up to the cap", [[4, 0], [0, 1], [0, 2], [0, 3], [0, 9]], [6, 16, 25, 25, 25]],
    ["the days that nobody asked count too", [[10, 0], [0, 2]], [0, 20]],
    ["nothing is left, nothing is carried", [[10, 0], [0, 1]], [0, 10]],
    ["more than a day's may be spent at once, once it is there", [[0, 0], [18, 1], [2, 1], [1, 1], [10, 2]], [10, 2, 0, "day 2", 0]],
    ["the cap holds at the refill, not before it", [[0, 2], [20, 2], [0, 3]], [25, 5, 15]],
    ["a cost above what a day brings waits for as many as it takes", [[10, 0], [11, 0], [20, 0], [21, 0], [25, 0], [26, 0]], [0, "day 2", "day 2", "day 3", "day 3", "never"]],
    ["the last instant of a day is still that day", [[3, 0], [0, 0.999999], [0, 1]], [7, 7, 17]],
  ] as const)("%s", (_name, steps, left) => {
    expect(remains(steps)).toEqual(left);
  });

  it("is a reset quota when the cap is the limit", () => {
    expect(remains([[4, 0], [0, 1], [10, 1], [1, 1]], { ...rule, cap: 10 })).toEqual([6, 10, 0, "day 2"]); // prettier-ignore
  });

  it("has come when it is said to come", () => {
    const costs = fc.array(fc.tuple(fc.nat(25), fc.integer({ min: 0, max: 3 * 24 * 60 })), { maxLength: 40 });
    fc.assert(
      fc.property(costs, (steps) => {
        let state: QuotaState | null = freshQuota(rule, t(0));
        let minutes = 0;
        // Said again in other words: a pot that is filled at each midnight and never holds more than the cap.
        let pot = 10;
        let midnights = 0;
        for (const [cost, pause] of steps) {
          minutes += pause;
          for (; midnights < Math.floor(minutes / (24 * 60)); midnights++) pot = Math.min(25, pot + 10);
          const now = t(minutes * 60);
          expect(readQuota(rule, state, now).remaining).toBe(pot);
          const taken = takeFromQuota(rule, state, cost, now);
          expect(taken.ok).toBe(cost <= pot);
          if (taken.ok) {
            state = taken.next;
            pot -= cost;
            continue;
          }
          const [then, before] = [taken.retryAt!, epochMs(taken.retryAt! - 1)];
          expect([before, then].map((instant) => takeFromQuota(rule, state, cost, instant).ok)).toEqual([false, true]);
        }
      }),
    );
  });
});

it("keeps its period when the clock steps back: no refill is given twice, none is taken back", () => {
  const rule = aQuota(10, "day", { refill: "add", cap: 25 });
  const second = takeFromQuota(rule, freshQuota(rule, t(0)), 3, t(DAY));
  expect(second).toMatchObject({ ok: true, next: { used: 3, carried: 10 } });
  if (!second.ok) return;
  for (const seconds of [DAY, DAY - 0.001, 0, 2 * DAY - 0.001]) {
    expect(readQuota(rule, second.next, t(seconds)).remaining).toBe(17);
  }
  expect(readQuota(rule, second.next, t(2 * DAY)).remaining).toBe(25);
});

it("never admits more than the limit in any period, whatever the costs and the pauses", () => {
  const costs = fc.array(fc.tuple(fc.nat(7), fc.integer({ min: 0, max: 2 * HOUR })), { maxLength: 60 });
  fc.assert(
    fc.property(fc.constantFrom(...QUOTA_PERIODS), fc.integer({ min: 1, max: 12 }), costs, (period, limit, steps) => {
      const rule = aQuota(limit, period);
      const spent = new Map<number | null, number>();
      let state: QuotaState | null = null;
      let now = t(0);
      for (const [cost, seconds] of steps) {
        now = epochMs(now + seconds * 1000);
        const taken = takeFromQuota(rule, state, cost, now);
        const { startsAt, remaining } = readQuota(rule, state, now);
        expect(taken.ok, "refused although it fits, or admitted although it does not").toBe(cost <= remaining);
        if (!taken.ok) continue;
        state = taken.next;
        spent.set(startsAt, (spent.get(startsAt) ?? 0) + cost);
        expect(spent.get(startsAt)).toBeLessThanOrEqual(limit);
      }
    }),
  );
});

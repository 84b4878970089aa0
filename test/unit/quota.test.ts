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
    const spent = { span: null, used: 3 };
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

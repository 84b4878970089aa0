import { describe, expect, it } from "vitest";
import { amend, type Amendment } from "../../src/key/amend.ts";
import { credit } from "../../src/key/credit.ts";
import { allowanceOf } from "../../src/key/allowance.ts";
import type { Key, Profile } from "../../src/key/key.ts";
import type { EpochMs } from "../../src/key/time.ts";
import { aBucket, admitWith, aKey, aQuota, aRequest, aSliding, at, aWindow, FIRST, t } from "../support/a-key.ts";

const DAY = 24 * 3600;

/** The key after admissions of these costs. */
function spend(key: Key, now: EpochMs, ...costs: readonly number[]): Key {
  let spent = key;
  for (const cost of costs) {
    const step = admitWith(spent, aRequest(FIRST, { cost }), now);
    expect(step.answer.admitted).toBe(true);
    spent = step.key;
  }
  return spent;
}

const amended = (key: Key, amendment: Amendment, now: EpochMs): Key =>
  amend(key, { amendment, expectedRevision: null }, at(now)).key;

/** What is left at an instant. */
function left(key: Key, now: EpochMs) {
  const { quota, rateLimits } = allowanceOf(key, now);
  return { quota: quota?.remaining ?? null, rates: rateLimits.map(({ remaining }) => remaining) };
}

const quotaOf = (quota: Profile["quota"]) => spend(aKey({ quota }), t(10), 3);

describe("what has been used of a quota", () => {
  // prettier-ignore
  it.each([
    ["survives a higher limit", aQuota(10), aQuota(20), 17],
    ["survives a lower limit", aQuota(10), aQuota(5), 2],
    ["leaves nothing of a limit below it, and no debt", aQuota(10), aQuota(2), 0],
    ["begins anew with another period", aQuota(10), aQuota(10, "month"), 10],
    ["begins anew with another zone: a day elsewhere is another day", aQuota(10), aQuota(10, "day", { timezone: "Asia/Tokyo" }), 10],
    ["of a balance survives a zone, which means nothing to it", aQuota(10, "none"), aQuota(10, "none", { timezone: "Asia/Tokyo" }), 7],
    ["survives a refill that carries over from now on", aQuota(10), aQuota(10, "day", { refill: "add", cap: 30 }), 7],
    ["of even periods survives another limit", aQuota(10, { everySeconds: 60, anchor: t(0) }), aQuota(12, { everySeconds: 60, anchor: t(0) }), 9],
    ["of even periods begins anew with another anchor", aQuota(10, { everySeconds: 60, anchor: t(0) }), aQuota(10, { everySeconds: 60, anchor: t(1) }), 10],
    ["is nothing to a quota that was not there before", null, aQuota(10), 10],
  ] as const)("%s", (_name, was, is, remaining) => {
    expect(left(amended(quotaOf(was), { quota: is }, t(20)), t(20)).quota).toBe(remaining);
  });

  it("is forgotten with the quota, and does not come back with it", () => {
    const without = amended(quotaOf(aQuota(10)), { quota: null }, t(20));
    expect(left(without, t(20)).quota).toBeNull();
    expect(left(amended(without, { quota: aQuota(10) }, t(30)), t(30)).quota).toBe(10);
  });

  it("refilled by the old rule until the amendment, and by the new one after it", () => {
    const key = quotaOf(aQuota(10, "day", { refill: "add", cap: 1000 }));
    const raised = amended(key, { quota: aQuota(100, "day", { refill: "add", cap: 1000 }) }, t(2.5 * DAY));
    // 7 left of the first day, 10 for each of two days since, and the day of the amendment has 90 more.
    expect(left(key, t(2.5 * DAY)).quota).toBe(27);
    expect(left(raised, t(2.5 * DAY)).quota).toBe(117);
    expect(left(raised, t(3 * DAY)).quota).toBe(217);
  });

  it("that was carried over is kept only as far as a lowered cap allows", () => {
    const key = quotaOf(aQuota(10, "day", { refill: "add", cap: 30 }));
    expect(left(key, t(2 * DAY)).quota).toBe(27);
    expect(left(amended(key, { quota: aQuota(10, "day", { refill: "add", cap: 15 }) }, t(2 * DAY)), t(2 * DAY)).quota).toBe(15); // prettier-ignore
    expect(left(amended(key, { quota: aQuota(10) }, t(2 * DAY)), t(2 * DAY)).quota).toBe(10);
  });
});

describe("the state of a rate limit", () => {
  const limits = [aWindow(5, 60), aSliding(5, 60), aBucket(5, 60)] as const;
  const used = spend(aKey({ rateLimits: limits }), t(0), 1, 1, 1);

  it.each([
    ["survives other limits", [aWindow(9, 60), aSliding(9, 60), aBucket(9, 60)], [6, 6, 6]],
    ["survives another order", [aBucket(5, 60), aWindow(5, 60), aSliding(5, 60)], [2, 2, 2]],
    ["survives beside others", [aWindow(5, 60, "other"), aWindow(5, 60)], [5, 2]],
    ["leaves nothing of a limit below it", [aWindow(2, 60), aSliding(2, 60), aBucket(2, 60)], [0, 0, 0]],
    ["is lost with its name", [aWindow(5, 60, "a"), aSliding(5, 60, "b"), aBucket(5, 60, 5, "c")], [5, 5, 5]],
    ["is lost with its window", [aWindow(5, 61), aSliding(5, 61), aBucket(5, 61)], [5, 5, 5]],
    ["is lost with its algorithm", [aSliding(5, 60, "burst"), aBucket(5, 60, 5, "sliding")], [5, 5]],
  ])("%s", (_name, rateLimits, rates) => {
    expect(left(amended(used, { rateLimits }, t(0)), t(0)).rates).toEqual(rates);
  });

  it("has drained by the old rate until the amendment, and drains by the new one after it", () => {
    const slow = spend(aKey({ rateLimits: [aBucket(1, 60, 5)] }), t(0), 1, 1, 1, 1, 1);
    const fast = amended(slow, { rateLimits: [aBucket(60, 60, 5)] }, t(60));
    expect(left(slow, t(60)).rates).toEqual([1]);
    expect(left(fast, t(60)).rates).toEqual([1]);
    expect(left(fast, t(62)).rates).toEqual([3]);
  });
});

describe("a credit", () => {
  const creditOf = (key: Key, given: { add: number } | { set: number }) =>
    credit(key, { credit: given, expectedRevision: null }, at(t(20)));

  it.each([
    ["added to what remains", { add: 5 }, 12, 15],
    ["set above what remains", { set: 9 }, 9, 12],
    ["set to nothing", { set: 0 }, 0, 3],
  ])("%s", (_name, given, remaining, limit) => {
    const { key } = creditOf(quotaOf(aQuota(10, "none")), given);
    expect([left(key, t(20)).quota, key.profile.quota!.limit]).toEqual([remaining, limit]);
  });

  it("begins above what was used beyond a lowered limit: that is no debt", () => {
    const lowered = amended(quotaOf(aQuota(10, "none")), { quota: aQuota(1, "none") }, t(20));
    const { key, events } = creditOf(lowered, { add: 4 });
    expect(left(key, t(20)).quota).toBe(4);
    expect(events[0]!.detail).toEqual({
      add: 4,
      remaining: { before: 0, after: 4 },
      limit: { before: 1, after: 7 },
    });
  });

  it("of more than a limit can be is refused, and one unit less is not", () => {
    const key = quotaOf(aQuota(10, "none"));
    expect(creditOf(key, { add: 1e12 - 9 }).answer).toEqual({ done: false, because: "over-limit" });
    expect(creditOf(key, { add: 1e12 - 10 }).answer).toEqual({ done: true });
  });
});

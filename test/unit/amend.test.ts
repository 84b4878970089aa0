import { describe, expect, it } from "vitest";
import { allowanceOf } from "../../src/key/allowance.ts";
import { amend, type Amendment } from "../../src/key/amend.ts";
import { credit } from "../../src/key/credit.ts";
import { revoke, suspend } from "../../src/key/standing.ts";
import type { Key, Secret } from "../../src/key/key.ts";
import { BOUNDS, type QuotaRule, type RateLimitRule } from "../../src/key/policy.ts";
import { epochMs, type EpochMs } from "../../src/key/time.ts";
import {
  admin,
  admitWith,
  aKey,
  aQuota,
  aRequest,
  at,
  aWindow,
  FIRST,
  rotateWith,
  SECOND,
  t,
} from "../support/a-key.ts";

const amended = (key: Key, amendment: Amendment, now: EpochMs = t(10)): Key =>
  amend(key, { amendment, expectedRevision: null }, at(now)).key;

const heard = (key: Key, secret: Secret, now: EpochMs): string => {
  const { answer } = admitWith(key, aRequest(secret), now);
  return answer.admitted ? "admitted" : answer.refusal.reason;
};

/** The key after so many requests of one unit in its first second. */
function usedTimes(key: Key, times: number): Key {
  let used = key;
  for (let time = 0; time < times; time++) used = admitWith(used, aRequest(), t(time / 1000)).key;
  return used;
}

describe("an amendment", () => {
  const before = aKey({
    name: "old",
    scopes: ["a", "b"],
    metadata: { plan: "free", seats: 3 },
    allowedIps: ["10.0.0.0/8"],
  });

  it("replaces the fields it names, each whole, and says what each was and is", () => {
    const { key, events, answer } = amend(
      before,
      {
        amendment: { name: "new", metadata: { plan: "pro" }, allowedIps: null, scopes: ["a", "b"] },
        expectedRevision: 1,
      },
      { ...at(t(10)), reason: "upgrade" },
    );
    expect(answer).toEqual({ done: true });
    expect(key.profile).toEqual({ ...before.profile, name: "new", metadata: { plan: "pro" }, allowedIps: null });
    expect(key.standing).toEqual({ ...before.standing, revision: 2, sequence: 2 });
    expect(events).toEqual([
      {
        sequence: 2,
        type: "key.amended",
        at: t(10),
        by: admin,
        detail: {
          name: { before: "old", after: "new" },
          metadata: { before: { plan: "free", seats: 3 }, after: { plan: "pro" } },
          allowedIps: { before: ["10.0.0.0/8"], after: null },
          reason: "upgrade",
        },
      },
    ]);
  });

  it.each([
    ["names nothing", {}],
    ["names what is so already", { name: "old", scopes: ["a", "b"], expiresAt: null, quota: null }],
  ])("that %s changes nothing, and is no error", (_name, amendment) => {
    const step = amend(before, { amendment, expectedRevision: null }, at(t(10)));
    expect(step).toEqual({ key: before, events: [], answer: { done: true } });
    expect(step.key).toBe(before);
  });

  it.each([
    ["of a key that moved on since", before, 7, "precondition-failed"],
    ["of a revoked key", revoke(before, at(t(1))).key, null, "key-revoked"],
    ["of a revoked key that moved on since", revoke(before, at(t(1))).key, 1, "precondition-failed"],
  ])("%s changes nothing", (_name, key, expectedRevision, because) => {
    const step = amend(key, { amendment: { name: "new" }, expectedRevision }, at(t(10)));
    expect(step).toEqual({ key, events: [], answer: { done: false, because } });
    expect(step.key).toBe(key);
  });

  it("holds from the next request on", () => {
    const key = amended(aKey({ scopes: ["orders:read"] }), { scopes: ["orders:write"] });
    const asks = (scope: string) => admitWith(key, { ...aRequest(), scopes: [scope] }, t(10)).answer.admitted;
    expect([asks("orders:read"), asks("orders:write")]).toEqual([false, true]);
  });

  it("neither stops nor resumes, and touches no secret", () => {
    const stopped = suspend(aKey(), at(t(1))).key;
    const key = amended(stopped, { name: "new" });
    expect(heard(key, FIRST, t(11))).toBe("key-suspended");
    expect(key.standing).toEqual({ ...stopped.standing, revision: 3, sequence: 3 });
  });
});

describe("an amended end", () => {
  it("revives an expired key, or ends a living one", () => {
    const expired = aKey({ expiresAt: t(5) });
    expect(heard(expired, FIRST, t(10))).toBe("key-expired");
    const revived = amended(expired, { expiresAt: t(20) });
    expect([heard(revived, FIRST, t(19.999)), heard(revived, FIRST, t(20))]).toEqual(["admitted", "key-expired"]);
    expect(heard(amended(expired, { expiresAt: null }), FIRST, t(1e9))).toBe("admitted");
    expect(heard(amended(aKey(), { expiresAt: t(10) }), FIRST, t(10))).toBe("key-expired");
  });

  const graceOf = (seconds: number, expiresAt: EpochMs | null = null) =>
    rotateWith(aKey({ expiresAt }), { expectedVersion: null, graceSeconds: seconds }, SECOND, at(t(0))).key;

  it("that comes sooner ends a grace with the key, and one that comes later again brings no old secret back", () => {
    const cut = amended(graceOf(3600), { expiresAt: t(60) });
    expect([heard(cut, FIRST, t(59.999)), heard(cut, SECOND, t(59.999))]).toEqual(["admitted", "admitted"]);
    for (const seconds of [10, 100]) {
      const longer = amended(cut, { expiresAt: t(7200) }, t(seconds));
      expect([heard(longer, FIRST, t(60)), heard(longer, SECOND, t(60))], `amended at ${seconds} s`).toEqual([
        "key-rotated",
        "admitted",
      ]);
    }
  });

  it("that comes later does not prolong a grace that had ended with the key", () => {
    const key = amended(graceOf(3600, t(5)), { expiresAt: null }, t(10));
    expect([heard(key, FIRST, t(10)), heard(key, SECOND, t(10))]).toEqual(["key-rotated", "admitted"]);
  });

  it("that comes later than a grace leaves the grace as it is", () => {
    const key = amended(graceOf(60), { expiresAt: t(3600) });
    expect([heard(key, FIRST, t(59.999)), heard(key, FIRST, t(60))]).toEqual(["admitted", "key-rotated"]);
  });
});

describe("what has been used of a quota", () => {
  const used = usedTimes(aKey({ quota: aQuota(50) }), 30);
  const after = (quota: QuotaRule | null, key = used) => {
    const changed = amended(key, { quota });
    const { quota: reading } = allowanceOf(changed, t(10));
    return reading === null ? null : [reading.used, reading.remaining];
  };

  it.each([
    ["a higher limit", aQuota(100), [30, 70]],
    ["a lower limit", aQuota(40), [30, 10]],
    ["a limit that is used up already", aQuota(10), [30, 0]],
    ["another period", aQuota(50, "month"), [0, 50]],
    ["a balance", aQuota(50, "none"), [0, 50]],
    ["no quota", null, null],
  ])("after an amendment to %s", (_name, quota, reading) => {
    expect(after(quota)).toEqual(reading);
  });

  it("begins with a quota that there was not before, however often the key was used", () => {
    expect(after(aQuota(50), usedTimes(aKey(), 30))).toEqual([0, 50]);
  });

  it("is kept by every amendment of something else", () => {
    const key = amended(used, { name: "new", rateLimits: [aWindow(5, 60)], expiresAt: t(1e6) });
    expect(key.use.quota).toBe(used.use.quota);
    expect(key.use.admitted).toBe(30);
  });

  it("is kept when the quota is set to what it is: an amendment is not a way to refill", () => {
    expect(after(aQuota(50))).toEqual([30, 20]);
  });

  it("that was used up is admitted again exactly as far as the new limit goes", () => {
    const spent = usedTimes(aKey({ quota: aQuota(3) }), 3);
    let key = amended(spent, { quota: aQuota(5) });
    const answers = Array.from({ length: 4 }, () => {
      const step = admitWith(key, aRequest(), t(11));
      key = step.key;
      return step.answer.admitted;
    });
    expect(answers).toEqual([true, true, false, false]);
  });
});

describe("what has been used of a rate limit", () => {
  const used = usedTimes(aKey({ rateLimits: [aWindow(50, 60, "minute"), aWindow(900, 3600, "hour")] }), 30);
  const roomAfter = (rateLimits: readonly RateLimitRule[], key = used) =>
    allowanceOf(amended(key, { rateLimits }), t(10)).rateLimits.map(({ rule, remaining }) => [rule.name, remaining]);

  it.each([
    [
      "in another order",
      [aWindow(900, 3600, "hour"), aWindow(50, 60, "minute")],
      [
        ["hour", 870],
        ["minute", 20],
      ],
    ],
    ["with another limit", [aWindow(40, 60, "minute")], [["minute", 10]]],
    ["with a limit that is used up already", [aWindow(10, 60, "minute")], [["minute", 0]]],
    [
      "beside a new one",
      [aWindow(5, 1, "second"), aWindow(50, 60, "minute")],
      [
        ["second", 5],
        ["minute", 20],
      ],
    ],
    ["under another name: a new one", [aWindow(50, 60, "per-minute")], [["per-minute", 50]]],
    ["over another window: a new one", [aWindow(50, 120, "minute")], [["minute", 50]]],
    ["by none", [], []],
  ])("stays with it %s", (_name, rateLimits, room) => {
    expect(roomAfter(rateLimits)).toEqual(room);
  });

  it("is forgotten with a limit that is taken away and set again", () => {
    expect(roomAfter([aWindow(50, 60, "minute")], amended(used, { rateLimits: [] }))).toEqual([["minute", 50]]);
  });

  it("is kept by every amendment of something else", () => {
    expect(amended(used, { name: "new", quota: aQuota(5) }).use.rateLimits).toEqual(used.use.rateLimits);
  });
});

describe("a credit", () => {
  const balance = usedTimes(aKey({ quota: aQuota(50, "none") }), 30);
  const credited = (key: Key, given: { add: number } | { set: number }, expectedRevision: number | null = null) =>
    credit(key, { credit: given, expectedRevision }, at(t(10)));
  const readingOf = (key: Key) => {
    const { rule, used, remaining } = allowanceOf(key, t(10)).quota!;
    return { limit: rule.limit, used, remaining };
  };

  it.each([
    ["raises what remains and the limit", { add: 100 }, { limit: 150, used: 30, remaining: 120 }],
    ["sets what remains higher", { set: 100 }, { limit: 130, used: 30, remaining: 100 }],
    ["sets what remains lower", { set: 5 }, { limit: 35, used: 30, remaining: 5 }],
    ["takes away what remains", { set: 0 }, { limit: 30, used: 30, remaining: 0 }],
  ])("%s, and what was used stays on the record: %j", (_name, given, reading) => {
    const { key, events, answer } = credited(balance, given);
    expect(answer).toEqual({ done: true });
    expect(readingOf(key)).toEqual(reading);
    expect(key.standing.revision).toBe(2);
    expect(events).toEqual([
      {
        sequence: 2,
        type: "key.credited",
        at: t(10),
        by: admin,
        detail: {
          ...given,
          remaining: { before: 20, after: reading.remaining },
          limit: { before: balance.profile.quota!.limit, after: reading.limit },
        },
      },
    ]);
  });

  it("is spent to the last unit", () => {
    let { key } = credited(usedTimes(aKey({ quota: aQuota(1, "none") }), 1), { add: 2 });
    const answers = Array.from({ length: 3 }, () => {
      const step = admitWith(key, aRequest(), t(10));
      key = step.key;
      return step.answer.admitted;
    });
    expect(answers).toEqual([true, true, false]);
  });

  it("raises what remains also where the limit was set below what was used", () => {
    const overdrawn = amended(balance, { quota: aQuota(10, "none") });
    expect(readingOf(overdrawn)).toEqual({ limit: 10, used: 30, remaining: 0 });
    const { key, events } = credited(overdrawn, { add: 5 });
    expect(readingOf(key)).toEqual({ limit: 35, used: 30, remaining: 5 });
    expect(events).toMatchObject([{ detail: { remaining: { before: 0, after: 5 } } }]);
    expect(readingOf(credited(overdrawn, { set: 5 }).key)).toEqual({ limit: 35, used: 30, remaining: 5 });
  });

  it("reaches the bound of limits, and not beyond", () => {
    expect(readingOf(credited(balance, { add: BOUNDS.limit - 50 }).key).limit).toBe(BOUNDS.limit);
    expect(readingOf(credited(balance, { set: BOUNDS.limit - 30 }).key).limit).toBe(BOUNDS.limit);
    for (const given of [{ add: BOUNDS.limit - 49 }, { set: BOUNDS.limit - 29 }]) {
      const step = credited(balance, given);
      expect(step.answer).toEqual({ done: false, because: "over-limit" });
      expect(step.key).toBe(balance);
    }
  });

  it.each([
    ["a key without a quota", aKey(), null, "no-balance"],
    ["a quota that refills", aKey({ quota: aQuota(50, "day") }), null, "no-balance"],
    ["a revoked key", revoke(balance, at(t(1))).key, null, "key-revoked"],
    ["a key that moved on since", balance, 2, "precondition-failed"],
    ["a revoked key that moved on since", revoke(balance, at(t(1))).key, 1, "precondition-failed"],
  ])("of %s changes nothing", (_name, key, expectedRevision, because) => {
    const step = credited(key, { add: 1 }, expectedRevision);
    expect(step).toEqual({ key, events: [], answer: { done: false, because } });
    expect(step.key).toBe(key);
  });

  it("whose answer was lost is not added twice by whoever names the revision", () => {
    const first = credited(balance, { add: 5 }, 1);
    expect(credited(first.key, { add: 5 }, 1).answer).toEqual({ done: false, because: "precondition-failed" });
  });

  it("of a suspended or an expired key is possible: the key may go on one day", () => {
    const expired = aKey({ quota: aQuota(5, "none"), expiresAt: epochMs(t(1)) });
    expect(readingOf(credited(expired, { add: 5 }).key).limit).toBe(10);
    expect(readingOf(credited(suspend(balance, at(t(1))).key, { add: 5 }).key).limit).toBe(55);
  });
});

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resume, revoke, suspend } from "../../src/key/standing.ts";
import type { KeyEvent } from "../../src/key/event.ts";
import { statusOf, type Key, type Secret } from "../../src/key/key.ts";
import { BOUNDS } from "../../src/key/policy.ts";
import { recordOf } from "../../src/key/record.ts";
import type { EpochMs } from "../../src/key/time.ts";
import {
  admin,
  admitWith,
  aKey,
  aProfile,
  aQuota,
  aRequest,
  at,
  aWindow,
  createWith,
  FIRST,
  NOBODYS,
  rotateWith,
  SECOND,
  secretOf,
  t,
  THIRD,
} from "../support/a-key.ts";

/** What a request with this secret hears: `admitted`, or the reason why not. */
const heard = (key: Key, secret: Secret, now: EpochMs): string => {
  const { answer } = admitWith(key, aRequest(secret), now);
  return answer.admitted ? "admitted" : answer.refusal.reason;
};
const rotateTo = (key: Key, secret: Secret, now: EpochMs, graceSeconds = 0) =>
  rotateWith(key, { expectedVersion: null, graceSeconds }, secret, at(now));

describe("create", () => {
  it("makes version 1, unused, with one event", () => {
    const profile = aProfile({ quota: aQuota(50), rateLimits: [aWindow(1, 60)] });
    const { key, events, answer } = createWith(profile, t(60), FIRST, at(t(0)));
    expect(answer).toEqual({ done: true, credential: "credential …irst" });
    expect(key.standing).toEqual({
      version: 1,
      revision: 1,
      sequence: 1,
      secret: FIRST,
      retired: [],
      rotatedAt: null,
      recentRotations: [],
      alerted: {},
      suspendedAt: null,
      suspendedBy: null,
      revokedAt: null,
      expiresAt: t(60),
      endSetAt: null,
      operatorsEnd: t(60),
      ownerOrder: null,
    });
    expect(key.use).toMatchObject({ lastUsedAt: null, admitted: 0, quota: { used: 0 }, rateLimits: [null] });
    expect(events).toEqual([
      { sequence: 1, type: "key.created", at: t(0), by: admin, detail: { version: 1, name: "a key", scopes: [] } },
    ]);
    expect(heard(key, FIRST, t(0))).toBe("admitted");
  });
});

describe("rotate", () => {
  it("refuses the old secret and admits the new one at the very next step", () => {
    const { key, answer } = rotateTo(aKey(), SECOND, t(10));
    expect(answer).toEqual({
      done: true,
      credential: "credential …cond",
      retired: { version: 1, validUntil: t(10) },
    });
    expect(heard(key, FIRST, t(10))).toBe("key-rotated");
    expect(heard(key, SECOND, t(10))).toBe("admitted");
    expect(heard(key, NOBODYS, t(10))).toBe("wrong-secret");
  });

  it("makes the next version and says so in one event", () => {
    const { key, events } = rotateWith(aKey(), { expectedVersion: 1, graceSeconds: 60 }, SECOND, {
      ...at(t(10)),
      reason: "leaked",
    });
    expect(key.standing).toMatchObject({ version: 2, revision: 2, sequence: 2, rotatedAt: t(10), secret: SECOND });
    const detail = {
      version: { before: 1, after: 2 },
      hint: { before: FIRST.hint, after: SECOND.hint },
      retiredValidUntil: t(70),
      reason: "leaked",
    };
    expect(events).toEqual([{ sequence: 2, type: "key.rotated", at: t(10), by: admin, detail }]);
  });

  it("lets one of two racing rotations win, and tells the other the version that holds", () => {
    const winner = rotateWith(aKey(), { expectedVersion: 1, graceSeconds: 0 }, SECOND, at(t(1)));
    const loser = rotateWith(winner.key, { expectedVersion: 1, graceSeconds: 0 }, THIRD, at(t(1)));
    expect(winner.answer.done).toBe(true);
    expect(loser.answer).toEqual({ done: false, because: "version-conflict", currentVersion: 2 });
    expect(loser.key).toBe(winner.key);
    expect(loser.events).toEqual([]);
    expect(heard(loser.key, THIRD, t(1))).toBe("wrong-secret");
  });

  it.each([0, 2, 3, 1e9])("changes nothing for a caller who last saw version %i of a key that is at 1", (expected) => {
    const key = aKey();
    const step = rotateWith(key, { expectedVersion: expected, graceSeconds: 0 }, SECOND, at(t(1)));
    expect(step).toEqual({
      key,
      events: [],
      answer: { done: false, because: "version-conflict", currentVersion: 1 },
    });
    expect(step.key).toBe(key);
  });

  it("keeps every counter: rotating is no way to refill a quota or to open a window", () => {
    let key = aKey({ quota: aQuota(3), rateLimits: [aWindow(5, 3600)] });
    for (let step = 0; step < 3; step++) {
      key = admitWith(key, aRequest(step === 0 ? FIRST : secretOf(`after ${step}`)), t(step)).key;
      key = rotateTo(key, secretOf(`after ${step + 1}`), t(step)).key;
    }
    expect(key.use).toMatchObject({ admitted: 3, quota: { used: 3 }, rateLimits: [{ openedAt: t(0), used: 3 }] });
    expect(heard(key, secretOf("after 3"), t(10))).toBe("quota-exceeded");
  });

  it("counts the uses of each secret by itself, for rotation by policy", () => {
    const used = admitWith(aKey(), aRequest(), t(0)).key;
    const { key } = rotateTo(used, SECOND, t(1), 60);
    expect(key.use).toMatchObject({ admitted: 1, admittedWithSecret: 0 });
    const inGrace = admitWith(key, aRequest(FIRST), t(2)).key;
    expect(inGrace.use).toMatchObject({ admitted: 2, admittedWithSecret: 0 });
    expect(admitWith(inGrace, aRequest(SECOND), t(2)).key.use).toMatchObject({ admitted: 3, admittedWithSecret: 1 });
  });

  it.each([
    ["revoked", revoke(aKey(), at(t(1))).key, "key-revoked"],
    ["expired", aKey({ expiresAt: t(5) }), "key-expired"],
  ])("does nothing to a key that is %s", (_name, key, because) => {
    const step = rotateWith(key, { expectedVersion: 1, graceSeconds: 0 }, SECOND, at(t(5)));
    expect(step.answer).toEqual({ done: false, because, currentVersion: 1 });
    expect(step.key).toBe(key);
  });

  it("leaves a suspended key suspended, and gives it no grace", () => {
    const { key } = suspend(aKey(), at(t(1)));
    const step = rotateTo(key, SECOND, t(2), 3600);
    expect(step.answer).toEqual({
      done: true,
      credential: "credential …cond",
      retired: { version: 1, validUntil: t(2) },
    });
    expect(heard(step.key, SECOND, t(3))).toBe("key-suspended");
    const resumed = resume(step.key, at(t(4))).key;
    expect(heard(resumed, FIRST, t(4))).toBe("key-rotated");
    expect(heard(resumed, SECOND, t(4))).toBe("admitted");
  });

  it("says which grace ends early because there are more of them than are kept", () => {
    let key = aKey();
    const graced = (n: number, graceSeconds: number) => {
      const step = rotateWith(key, { expectedVersion: null, graceSeconds }, secretOf(`graced ${n}`), at(t(n)));
      key = step.key;
      return step.events[0]!.detail["graceEnded"];
    };
    for (let n = 1; n <= BOUNDS.retiredSecrets; n++) expect(graced(n, 3_600)).toBeUndefined();
    // The first one's would have lasted until an hour behind the first rotation.
    expect(graced(33, 3_600)).toEqual({ version: 1, validUntil: "2026-01-01T01:00:01.000Z" });
    expect(graced(34, 3_600)).toEqual({ version: 2, validUntil: "2026-01-01T01:00:02.000Z" });
    expect(graced(35, 0)).toBeUndefined();
    expect(graced(36, 3_600)).toBeUndefined();
  });

  it(`knows the newest ${BOUNDS.retiredSecrets} secrets as retired, and older ones as nobody's`, () => {
    let key = aKey();
    for (let version = 2; version <= 40; version++) key = rotateTo(key, secretOf(`secret ${version}`), t(version)).key;
    expect(key.standing.retired.map(({ version }) => version)).toEqual(Array.from({ length: 32 }, (_, i) => 39 - i));
    expect(heard(key, secretOf("secret 40"), t(100))).toBe("admitted");
    expect(heard(key, secretOf("secret 39"), t(100))).toBe("key-rotated");
    expect(heard(key, secretOf("secret 8"), t(100))).toBe("key-rotated");
    expect(heard(key, secretOf("secret 7"), t(100))).toBe("wrong-secret");
  });
});

describe("a grace of 60 s", () => {
  const rotated = rotateTo(aKey(), SECOND, t(10), 60);

  it.each([
    ["when it begins", 10, "admitted"],
    ["1 ms before it ends", 69.999, "admitted"],
    ["when it ends", 70, "key-rotated"],
  ])("keeps the retired secret valid until it ends: %s", (_name, seconds, expected) => {
    expect(rotated.answer).toEqual({
      done: true,
      credential: "credential …cond",
      retired: { version: 1, validUntil: t(70) },
    });
    expect(heard(rotated.key, FIRST, t(seconds))).toBe(expected);
    expect(heard(rotated.key, SECOND, t(seconds))).toBe("admitted");
  });

  it("tells who uses the retired secret that it is the older one", () => {
    expect(admitWith(rotated.key, aRequest(FIRST), t(11)).answer.identity).toMatchObject({ version: 1 });
    expect(admitWith(rotated.key, aRequest(SECOND), t(11)).answer.identity).toMatchObject({ version: 2 });
  });

  it.each([
    ["a rotation without grace", rotateTo(rotated.key, THIRD, t(20)).key],
    ["a revoke", revoke(rotated.key, at(t(20))).key],
    ["a suspension", suspend(rotated.key, at(t(20))).key],
    ["a suspension that was lifted again", resume(suspend(rotated.key, at(t(20))).key, at(t(21))).key],
    ["a rotation with grace while suspended", rotateTo(suspend(rotated.key, at(t(19))).key, THIRD, t(20), 3600).key],
  ])("is ended at once by %s", (_name, key) => {
    expect(heard(rotated.key, FIRST, t(22))).toBe("admitted");
    expect(heard(key, FIRST, t(22))).toBe("key-rotated");
    expect(key.standing.retired.every(({ validUntil }) => validUntil <= t(20))).toBe(true);
  });

  it("goes on through a further rotation that has a grace of its own", () => {
    const { key } = rotateTo(rotated.key, THIRD, t(20), 5);
    expect([FIRST, SECOND, THIRD].map((secret) => heard(key, secret, t(24)))).toEqual(Array(3).fill("admitted"));
    expect(heard(key, SECOND, t(25))).toBe("key-rotated");
    expect(heard(key, FIRST, t(69))).toBe("admitted");
    expect(heard(key, FIRST, t(70))).toBe("key-rotated");
  });

  it("never outlives the key", () => {
    const { key, answer } = rotateTo(aKey({ expiresAt: t(30) }), SECOND, t(10), 60);
    expect(answer).toEqual({
      done: true,
      credential: "credential …cond",
      retired: { version: 1, validUntil: t(30) },
    });
    expect(heard(key, FIRST, t(29.999))).toBe("admitted");
    expect(heard(key, FIRST, t(30))).toBe("key-rotated");
    expect(heard(key, SECOND, t(30))).toBe("key-expired");
  });
});

describe("revoke", () => {
  it("is one transition however often it is asked for: one event, one revokedAt", () => {
    const first = revoke(aKey(), { ...at(t(10)), reason: "leaked" });
    expect(first.key.standing).toMatchObject({ revokedAt: t(10), revision: 2, sequence: 2 });
    const detail = { status: { before: "active", after: "revoked" }, reason: "leaked" };
    expect(first.events).toEqual([{ sequence: 2, type: "key.revoked", at: t(10), by: admin, detail }]);
    const second = revoke(first.key, at(t(99)));
    expect(second.key).toBe(first.key);
    expect(second.events).toEqual([]);
    expect(second.answer).toEqual(first.answer);
  });

  it("is final", () => {
    const { key } = revoke(aKey(), at(t(10)));
    expect(suspend(key, at(t(11)))).toEqual({ key, events: [], answer: { done: false, because: "key-revoked" } });
    expect(resume(key, at(t(11)))).toEqual({ key, events: [], answer: { done: false, because: "key-revoked" } });
    expect(rotateTo(key, SECOND, t(11)).key).toBe(key);
    expect(heard(key, FIRST, t(11))).toBe("key-revoked");
  });

  it.each([
    ["suspended", suspend(aKey(), at(t(1))).key],
    ["expired", aKey({ expiresAt: t(5) })],
  ])("ends also a key that is %s", (_name, before) => {
    const { key } = revoke(before, at(t(10)));
    expect(statusOf(key, t(10))).toBe("revoked");
    expect(heard(resume(key, at(t(11))).key, FIRST, t(11))).toBe("key-revoked");
  });
});

describe("suspend and resume", () => {
  it("stop the key and let it go on, counters and all", () => {
    const used = admitWith(aKey({ quota: aQuota(2) }), aRequest(), t(0)).key;
    const stopped = suspend(used, at(t(1)));
    expect(heard(stopped.key, FIRST, t(2))).toBe("key-suspended");
    const going = resume(stopped.key, at(t(3)));
    expect(going.key.standing).toMatchObject({ suspendedAt: null, revision: 3 });
    expect(going.key.use.quota).toMatchObject({ used: 1 });
    expect(heard(going.key, FIRST, t(4))).toBe("admitted");
    expect([...stopped.events, ...going.events].map(({ type }) => type)).toEqual(["key.suspended", "key.resumed"]);
  });

  it("change nothing when there is nothing to change", () => {
    const active = aKey();
    expect(resume(active, at(t(1))).key).toBe(active);
    const { key } = suspend(active, at(t(1)));
    const again = suspend(key, at(t(9)));
    expect(again.key).toBe(key);
    expect(again.events).toEqual([]);
    expect(key.standing.suspendedAt).toBe(t(1));
  });

  it("do not stop time: a key that expired meanwhile stays expired", () => {
    const { key } = suspend(aKey({ expiresAt: t(5) }), at(t(1)));
    expect(statusOf(key, t(9))).toBe("suspended");
    expect(heard(resume(key, at(t(9))).key, FIRST, t(9))).toBe("key-expired");
  });
});

describe("events", () => {
  const commands = fc.array(fc.constantFrom("rotate", "stale rotate", "grace", "suspend", "resume", "revoke", "use"), {
    maxLength: 40,
  });

  it("are numbered 1, 2, 3 … without a gap, one for each change and none for anything else", () => {
    fc.assert(
      fc.property(commands, (names) => {
        const created = createWith(aProfile(), null, FIRST, at(t(0)));
        let key = created.key;
        const events: KeyEvent[] = [...created.events];
        for (const [index, name] of names.entries()) {
          const now = t(index);
          const fresh = secretOf(`secret ${index}`);
          const step = {
            rotate: () => rotateTo(key, fresh, now),
            grace: () => rotateTo(key, fresh, now, 60),
            "stale rotate": () => rotateWith(key, { expectedVersion: 0, graceSeconds: 0 }, fresh, at(now)),
            suspend: () => suspend(key, at(now)),
            resume: () => resume(key, at(now)),
            revoke: () => revoke(key, at(now)),
            use: () => admitWith(key, aRequest(key.standing.secret), now),
          }[name]();
          const changed = step.key.standing !== key.standing;
          expect(step.events).toHaveLength(changed ? 1 : 0);
          expect(step.key.standing.revision - key.standing.revision).toBe(changed ? 1 : 0);
          key = step.key;
          events.push(...step.events);
        }
        expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
        expect(key.standing.sequence).toBe(events.length);
        expect(key.standing.revision).toBe(events.length);
      }),
    );
  });
});

describe("the record", () => {
  it("tells everything about a key but its secrets", () => {
    const key = rotateTo(
      admitWith(aKey({ quota: aQuota(5), expiresAt: t(60) }), aRequest(), t(1)).key,
      SECOND,
      t(2),
    ).key;
    const record = recordOf(key, t(3));
    expect(record).toMatchObject({
      id: "key_0000000000000000",
      pepper: "a",
      hint: "…cond",
      version: 2,
      revision: 2,
      status: "active",
      rotatedAt: t(2),
      revokedAt: null,
      lastUsedAt: t(1),
      expiresAt: t(60),
      allowance: { quota: { used: 1, remaining: 4 } },
    });
    for (const { digest } of [FIRST, SECOND]) expect(JSON.stringify(record)).not.toContain(digest);
  });

  it.each([
    ["active", aKey({ expiresAt: t(60) }), 59],
    ["expired", aKey({ expiresAt: t(60) }), 60],
    ["suspended", suspend(aKey({ expiresAt: t(60) }), at(t(1))).key, 60],
    ["revoked", revoke(suspend(aKey({ expiresAt: t(60) }), at(t(1))).key, at(t(2))).key, 60],
  ])("says that the key is %s", (status, key, seconds) => {
    expect(recordOf(key, t(seconds)).status).toBe(status);
  });
});

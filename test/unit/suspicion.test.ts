import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Admission } from "../../src/key/admission.ts";
import { revoke, suspend } from "../../src/key/standing.ts";
import type { KeyEvent } from "../../src/key/event.ts";
import type { Key, Step } from "../../src/key/key.ts";
import { noticed } from "../../src/key/notice.ts";
import { NOTHING_SEEN, type History } from "../../src/key/suspicion-history.ts";
import { ALERTS, USUAL_SUSPICION, type Alert, type SuspicionRule } from "../../src/key/suspicion-policy.ts";
import {
  admitWith,
  aKey,
  aQuota,
  aRequest,
  aWindow,
  at,
  FIRST,
  NOBODYS,
  rotateWith,
  secretOf,
  t,
  UNSUSPICIOUS,
} from "../support/a-key.ts";

const rotation = { expectedVersion: null, graceSeconds: 0 };
const IP = "203.0.113.7";

/** A key and what its object remembers, and the alerts so far. */
class Watched {
  key: Key;
  history: History = NOTHING_SEEN;
  readonly events: KeyEvent[] = [];

  constructor(key: Key) {
    this.key = key;
  }

  admit(request: Admission, now = t(0)): string {
    const step = admitWith(this.key, request, now);
    const refused = step.answer.admitted ? null : step.answer.refusal.reason;
    this.#take(step, { presented: request.presented, ip: request.ip, refused }, now);
    return refused ?? "admitted";
  }

  change(step: (key: Key) => Step<unknown>, now = t(0)): void {
    this.#take(step(this.key), null, now);
  }

  rotate(text: string, now = t(0)): void {
    this.change((key) => rotateWith(key, rotation, secretOf(text), at(now)), now);
  }

  /** What the memory of an object loses when it rests. */
  forget(): void {
    this.history = NOTHING_SEEN;
  }

  alerts(): readonly unknown[] {
    return this.events.filter(({ type }) => type === "key.alerted").map(({ detail }) => detail["alert"]);
  }

  details(): readonly unknown[] {
    return this.events.filter(({ type }) => type === "key.alerted").map(({ detail }) => detail);
  }

  #take(step: Step<unknown>, attempt: Parameters<typeof noticed>[2], now: ReturnType<typeof t>): void {
    const seen = noticed(this.key, step, attempt, this.history, at(now));
    this.key = seen.step.key;
    this.history = seen.history;
    this.events.push(...seen.step.events);
  }
}

const watched = (profile: Parameters<typeof aKey>[0] = {}): Watched => new Watched(aKey(profile));
const only = (alert: Alert, rule: Partial<SuspicionRule>) => ({
  suspicion: { [alert]: { ...USUAL_SUSPICION[alert], ...rule } },
});

describe("a secret that should be in nobody's hands", () => {
  it("raises an alert with its version and the time since its end", () => {
    const key = watched();
    key.rotate("second", t(10));
    expect(key.admit(aRequest(FIRST), t(70.9))).toBe("key-rotated");
    expect(key.details()).toEqual([
      {
        alert: "retired-secret-used",
        action: "alert",
        version: 1,
        endedAt: "2026-01-01T00:00:10.000Z",
        secondsSinceEnd: 60,
      },
    ]);
  });

  it("raises none while its grace runs, and one from the instant at which it ends", () => {
    const key = watched();
    key.change((was) => rotateWith(was, { ...rotation, graceSeconds: 60 }, secretOf("second"), at(t(0))));
    expect(key.admit(aRequest(FIRST), t(59.999))).toBe("admitted");
    expect(key.alerts()).toEqual([]);
    key.admit(aRequest(FIRST), t(60));
    expect(key.details()).toMatchObject([{ alert: "retired-secret-used", secondsSinceEnd: 0 }]);
  });

  it("is not one in its grace that asks for what only its successor may", () => {
    const key = rotateWith(aKey(), { ...rotation, graceSeconds: 60 }, secretOf("second"), at(t(0))).key;
    const attempt = { presented: FIRST.digest, ip: null, refused: "key-rotated" };
    const heard = (now: number) =>
      noticed(key, { key, events: [], answer: null }, attempt, NOTHING_SEEN, at(t(now))).step.events;
    expect([heard(59.999).length, heard(60).length]).toEqual([0, 1]);
  });

  it("is that of a revoked key too", () => {
    const key = watched();
    key.change((was) => revoke(was, at(t(5))), t(5));
    expect(key.admit(aRequest(FIRST), t(3605))).toBe("key-revoked");
    expect(key.details()).toEqual([
      {
        alert: "revoked-secret-used",
        action: "alert",
        version: 1,
        endedAt: "2026-01-01T00:00:05.000Z",
        secondsSinceEnd: 3600,
      },
    ]);
  });

  it("is one with our tag that the key does not know, but not where the key is not for who asks", () => {
    const key = watched({ owner: "acme" });
    expect(key.admit(aRequest(NOBODYS, { onlyOwner: "globex" }))).toBe("unknown-key");
    expect(key.alerts()).toEqual([]);
    expect(key.admit(aRequest(NOBODYS))).toBe("wrong-secret");
    expect(key.details()).toEqual([{ alert: "unknown-secret", action: "alert" }]);
  });

  it("has its own threshold where the key's policy says so", () => {
    const key = watched(only("unknown-secret", { threshold: 3, withinSeconds: 60 }));
    for (const second of [0, 50, 60]) key.admit(aRequest(NOBODYS), t(second));
    expect(key.alerts()).toEqual([]);
    key.admit(aRequest(NOBODYS), t(100));
    expect(key.alerts()).toEqual(["unknown-secret"]);
  });
});

describe("rapid rotation", () => {
  it.each([
    [[0, 10, 20, 30], 0],
    [[0, 10, 20, 30, 599.999], 1],
    [[0, 10, 20, 30, 600], 0],
    [[0, 10, 20, 30, 40, 50, 60], 1],
    [[0, 200, 400, 600, 800, 1000], 0],
  ])("at %j s raises %i alerts, though its object forgets everything in between", (seconds, count) => {
    const key = watched();
    for (const second of seconds) {
      key.rotate(`secret ${second}`, t(second));
      key.forget();
    }
    expect(key.alerts()).toEqual(Array<string>(count).fill("rapid-rotation"));
  });

  it("says how many rotations, in how long", () => {
    const key = watched(only("rapid-rotation", { threshold: 2, withinSeconds: 30 }));
    key.rotate("second", t(0));
    key.rotate("third", t(29));
    expect(key.details()).toEqual([{ alert: "rapid-rotation", action: "alert", rotations: 2, withinSeconds: 30 }]);
  });
});

describe("failures and then a success", () => {
  const fail = (key: Watched, times: number, ip: string | null, from = 0) => {
    for (let time = 0; time < times; time++) key.admit(aRequest(NOBODYS, { ip }), t(from + time));
  };
  const quiet = () => watched({ suspicion: { "unknown-secret": { ...USUAL_SUSPICION["unknown-secret"], off: true } } });

  it.each([
    ["ten failures", 10, 1],
    ["nine", 9, 0],
  ])("from one address: %s, and then an admission, raise %#", (_name, failures, count) => {
    const key = quiet();
    fail(key, failures, IP);
    expect(key.admit(aRequest(FIRST, { ip: IP }), t(20))).toBe("admitted");
    expect(key.details()).toEqual(
      Array.from({ length: count }, () => ({
        alert: "failures-then-success",
        action: "alert",
        failures: 10,
        withinSeconds: 600,
      })),
    );
  });

  it("of another address, or of one that is not known, are two stories", () => {
    const key = quiet();
    fail(key, 10, IP);
    fail(key, 10, null);
    key.admit(aRequest(FIRST, { ip: "203.0.113.8" }), t(20));
    key.admit(aRequest(FIRST, { ip: null }), t(20));
    expect(key.alerts()).toEqual([]);
  });

  it("more than ten minutes apart are two stories too", () => {
    const key = quiet();
    fail(key, 10, IP);
    key.admit(aRequest(FIRST, { ip: IP }), t(600));
    expect(key.alerts()).toEqual([]);
    fail(key, 1, IP, 600);
    key.admit(aRequest(FIRST, { ip: IP }), t(600.999));
    expect(key.alerts()).toEqual(["failures-then-success"]);
  });

  it("do not count to be told to wait: every honest client is admitted again after it", () => {
    const key = watched({ rateLimits: [aWindow(1, 60)] });
    key.admit(aRequest(FIRST, { ip: IP }), t(0));
    for (let time = 0; time < 50; time++) expect(key.admit(aRequest(FIRST, { ip: IP }), t(1))).toBe("rate-limited");
    expect(key.admit(aRequest(FIRST, { ip: IP }), t(61))).toBe("admitted");
    expect(key.alerts()).toEqual([]);
  });

  it("remember a bounded number of addresses, the ones that failed last", () => {
    const key = quiet();
    for (let host = 0; host < 1_000; host++) fail(key, 3, `2001:db8::${host}`);
    expect(key.history.failed.size).toBe(64);
    expect([...key.history.failed.keys()].at(-1)).toBe("2001:db8::999");
    for (const stamps of key.history.failed.values()) expect(stamps.length).toBeLessThanOrEqual(10);
  });
});

describe("a burst of refusals", () => {
  it.each([
    [99, 0.5, 0],
    [100, 0.5, 1],
    [100, 0.7, 0],
    [1000, 0.05, 1],
  ])("of %i, %d s apart, raises %i", (refusals, apart, count) => {
    const key = watched({ scopes: ["a"] });
    for (let time = 0; time < refusals; time++) key.admit(aRequest(FIRST, { scopes: ["b"] }), t(time * apart));
    expect(key.details()).toEqual(
      Array.from({ length: count }, () => ({
        alert: "refusal-burst",
        action: "alert",
        refusals: 100,
        withinSeconds: 60,
        lastReason: "insufficient-scope",
      })),
    );
  });

  it("is none where the Worker only asked without the slot that it needs", () => {
    const key = watched({ maxConcurrent: 1 });
    for (let time = 0; time < 200; time++) key.admit(aRequest(FIRST, { viaGateway: true }), t(0));
    expect([key.alerts(), key.history]).toEqual([[], NOTHING_SEEN]);
  });
});

describe("a counter above its limit", () => {
  const withUsed = (key: Key, used: number): Key => ({
    ...key,
    use: { ...key.use, quota: { ...key.use.quota!, used } },
  });

  it("is a fault, and is told with what it should have been at most", () => {
    const key = new Watched(withUsed(aKey({ quota: aQuota(50) }), 51));
    expect(key.admit(aRequest(), t(1))).toBe("quota-exceeded");
    expect(key.details()).toEqual([
      { alert: "counter-above-limit", action: "alert", limit: "quota", used: 51, most: 50 },
    ]);
  });

  it("is none at the limit", () => {
    const key = new Watched(withUsed(aKey({ quota: aQuota(50) }), 50));
    key.admit(aRequest(), t(1));
    expect(key.alerts()).toEqual([]);
  });
});

describe("an alert", () => {
  it("is raised once in ten minutes for each kind, durably: the object may forget all else", () => {
    const key = watched();
    key.rotate("second", t(0));
    for (const second of [1, 2, 600.999]) {
      key.admit(aRequest(FIRST), t(second));
      key.admit(aRequest(NOBODYS), t(second));
      key.forget();
    }
    expect(key.alerts()).toEqual(["retired-secret-used", "unknown-secret"]);
    key.admit(aRequest(FIRST), t(601));
    expect(key.alerts()).toEqual(["retired-secret-used", "unknown-secret", "retired-secret-used"]);
  });

  it("is none where its detector is off", () => {
    const key = watched({ suspicion: UNSUSPICIOUS, quota: aQuota(1) });
    for (let time = 0; time < 20; time++) {
      key.admit(aRequest(NOBODYS, { ip: IP }), t(0));
      key.rotate(`secret ${time}`);
      key.admit(aRequest(FIRST, { ip: IP }), t(0));
    }
    key.key = { ...key.key, use: { ...key.key.use, quota: { ...key.key.use.quota!, used: 2 } } };
    key.admit(aRequest(secretOf("secret 19"), { ip: IP, cost: 0 }), t(0));
    key.change((was) => revoke(was, at(t(0))));
    key.admit(aRequest(secretOf("secret 19")), t(0));
    expect(key.alerts()).toEqual([]);
  });

  it("suspends the key in the same step where the policy says so", () => {
    const key = watched(only("retired-secret-used", { action: "suspend" }));
    key.rotate("second", t(0));
    key.admit(aRequest(FIRST), t(1));
    expect(key.events.map(({ type, sequence }) => [sequence, type])).toEqual([
      [2, "key.rotated"],
      [3, "key.alerted"],
      [4, "key.suspended"],
    ]);
    expect(key.details()).toMatchObject([{ action: "suspend" }]);
    expect(key.events.at(-1)).toMatchObject({
      by: { actor: "policy" },
      detail: { reason: "suspicion: retired-secret-used" },
    });
    expect(key.key.standing).toMatchObject({ suspendedAt: t(1), sequence: 4, revision: 4 });
    expect(key.admit(aRequest(secretOf("second")), t(2))).toBe("key-suspended");
  });

  it("that suspends does so again after a resume, however quiet it is to be", () => {
    const key = watched(only("retired-secret-used", { action: "suspend" }));
    key.rotate("second", t(0));
    key.admit(aRequest(FIRST), t(1));
    for (let time = 0; time < 50; time++) key.admit(aRequest(FIRST), t(1));
    expect(key.alerts()).toHaveLength(1);
    key.key = { ...key.key, standing: { ...key.key.standing, suspendedAt: null } };
    key.admit(aRequest(FIRST), t(2));
    expect(key.key.standing.suspendedAt).toBe(t(2));
    expect(key.alerts()).toHaveLength(2);
  });

  it.each([
    ["revoked", "revoked-secret-used", revoke, FIRST],
    ["suspended", "unknown-secret", suspend, NOBODYS],
  ] as const)("on a key that is %s already is told as one that did nothing more", (_name, alert, stop, secret) => {
    const key = watched(only(alert, { action: "suspend" }));
    key.change((was) => stop(was, at(t(0))));
    for (const second of [1, 2]) key.admit(aRequest(secret), t(second));
    expect(key.details()).toMatchObject([{ alert, action: "alert" }]);
    expect(key.events).toHaveLength(2);
  });
});

/** What a stranger does with secrets that are no use, and its owner with one that is. */
const act = fc.record({
  secret: fc.constantFrom(FIRST, NOBODYS, secretOf("second")),
  ip: fc.constantFrom(null, IP, "203.0.113.8"),
  afterMs: fc.integer({ min: 0, max: 30_000 }),
  scopes: fc.constantFrom([], ["b"]),
});

describe("whatever anybody does", () => {
  it("no detector raises more than one alert in its quiet time, sequences have no gap, and the verdict is none the wiser", () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 300 }), (acts) => {
        const key = watched({ quota: aQuota(100) });
        key.rotate("second");
        let plain = key.key;
        let ms = 0;
        for (const { secret, ip, afterMs, scopes } of acts) {
          const now = t((ms += afterMs) / 1000);
          const alone = admitWith(plain, aRequest(secret, { ip, scopes }), now);
          plain = alone.key;
          const heard = key.admit(aRequest(secret, { ip, scopes }), now);
          expect(heard).toBe(alone.answer.admitted ? "admitted" : alone.answer.refusal.reason);
        }
        expect(key.events.map(({ sequence }) => sequence)).toEqual(key.events.map((_, place) => place + 2));
        for (const alert of ALERTS) {
          const raised = key.events.filter(({ detail }) => detail["alert"] === alert).map(({ at: when }) => when);
          const apart = raised.slice(1).map((when, place) => when - raised[place]!);
          expect(Math.min(Infinity, ...apart)).toBeGreaterThanOrEqual(600_000);
        }
        expect(key.key.use).toEqual({ ...plain.use, quota: { ...plain.use.quota, ...told(key.key) } });
      }),
      { numRuns: 200 },
    );
  });
});

const told = ({ use }: Key) => (use.quota?.told === undefined ? {} : { told: use.quota.told });

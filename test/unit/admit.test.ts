import { describe, expect, it } from "vitest";
import type { Admission } from "../../src/key/admission.ts";
import { revoke, suspend } from "../../src/key/standing.ts";
import { explain } from "../../src/key/explain.ts";
import type { Key } from "../../src/key/key.ts";
import type { Reason } from "../../src/key/refusal.ts";
import {
  admitWith,
  aKey,
  aQuota,
  aRequest,
  aRotation,
  at as askedAt,
  aWindow,
  FIRST,
  NOBODYS,
  rotateWith,
  SECOND,
  t,
} from "../support/a-key.ts";

const plainRotate = { expectedVersion: null, graceSeconds: 0 };

describe("an admission", () => {
  const limits = { quota: aQuota(50), rateLimits: [aWindow(10, 60), aWindow(100, 3600, "hourly")] };

  it("counts in every limit, and says what is left of each", () => {
    const { key, answer } = admitWith(aKey(limits), aRequest(), t(5));
    expect(answer).toMatchObject({
      admitted: true,
      at: t(5),
      allowance: {
        quota: { used: 1, remaining: 49, resetsAt: t(24 * 3600) },
        rateLimits: [
          { remaining: 9, resetsAt: t(65.001) },
          { remaining: 99, resetsAt: t(3605.001) },
        ],
      },
    });
    expect(key.use).toMatchObject({ newest: t(5), lastUsedAt: t(5), admitted: 1, admittedWithSecret: 1 });
  });

  it("changes the use of a key and nothing else, so that it is one row to write", () => {
    const key = aKey(limits);
    const after = admitWith(key, aRequest(), t(5));
    expect(after.events).toEqual([]);
    expect(after.key.profile).toBe(key.profile);
    expect(after.key.standing).toBe(key.standing);
    expect(after.key.use).not.toBe(key.use);
  });

  it("tells who holds the key", () => {
    const key = aKey({ name: "billing", owner: "acme", scopes: ["a:*"], metadata: { team: 7 }, expiresAt: t(60) });
    expect(admitWith(key, aRequest(), t(0)).answer.identity).toEqual({
      keyId: "key_0000000000000000",
      owner: "acme",
      version: 1,
      details: { name: "billing", scopes: ["a:*"], metadata: { team: 7 }, expiresAt: t(60) },
    });
  });

  it("costs what it is said to cost: units of quota, but one request of a rate limit", () => {
    const { key, answer } = admitWith(aKey(limits), aRequest(FIRST, { cost: 7 }), t(0));
    expect(answer.allowance).toMatchObject({ quota: { used: 7 }, rateLimits: [{ remaining: 9 }, { remaining: 99 }] });
    expect(key.use.admitted).toBe(1);
  });

  it("of cost 0 needs rate room but no quota", () => {
    const spent = admitWith(aKey({ quota: aQuota(1), rateLimits: [aWindow(2, 60)] }), aRequest(), t(0)).key;
    const free = admitWith(spent, aRequest(FIRST, { cost: 0 }), t(0));
    expect(free.answer).toMatchObject({ admitted: true, allowance: { quota: { used: 1, remaining: 0 } } });
    expect(admitWith(free.key, aRequest(FIRST, { cost: 0 }), t(0)).answer).toMatchObject({
      refusal: { reason: "rate-limited" },
    });
  });

  it.each([
    [t(60 - 0.001), true],
    [t(60), false],
    [t(60 + 0.001), false],
  ])("of a key that ends at 60 s is possible until then, not at it", (now, admitted) => {
    expect(admitWith(aKey({ expiresAt: t(60) }), aRequest(), now).answer.admitted).toBe(admitted);
  });

  it("never moves the end of a key", () => {
    let key = aKey({ expiresAt: t(100) });
    for (let second = 0; second < 100; second++) key = admitWith(key, aRequest(), t(second)).key;
    expect(key.standing.expiresAt).toEqual(t(100));
    expect(key.use.admitted).toBe(100);
    expect(admitWith(key, aRequest(), t(100)).answer).toMatchObject({ refusal: { reason: "key-expired" } });
  });
});

// Every fault that a request can have, in the order in which a decision looks: identity, standing, rotation, reach,
// concurrency, pace, allowance.
const FAULTS: readonly {
  readonly reason: Reason;
  readonly profile?: Parameters<typeof aKey>[0];
  readonly use?: (key: Key) => Key;
  readonly change?: (key: Key) => Key;
  readonly request?: Partial<Admission>;
}[] = [
  { reason: "wrong-secret", request: { presented: NOBODYS.digest } },
  // The first secret is the one presented, so a rotation retires it.
  { reason: "key-rotated", change: (key) => rotateWith(key, plainRotate, SECOND, askedAt(t(1))).key },
  { reason: "key-revoked", change: (key) => revoke(key, askedAt(t(3))).key },
  { reason: "key-suspended", change: (key) => suspend(key, askedAt(t(2))).key },
  { reason: "key-expired", profile: { expiresAt: t(10) } },
  { reason: "rotation-required", profile: { rotation: aRotation({ afterSeconds: 10 }) } },
  { reason: "insufficient-scope", request: { scopes: ["orders:write"] } },
  { reason: "ip-not-allowed", profile: { allowedIps: ["203.0.113.0/24"] } },
  { reason: "concurrency-exceeded", profile: { maxConcurrent: 1 }, request: { viaGateway: true, open: 1 } },
  { reason: "rate-limited", profile: { rateLimits: [aWindow(1, 3600)] }, use: (key) => admitWith(key, free, t(0)).key },
  { reason: "quota-exceeded", profile: { quota: aQuota(1) }, use: (key) => admitWith(key, paid, t(0)).key },
];
const paid = aRequest(FIRST, { ip: "203.0.113.7" });
const free = { ...paid, cost: 0 };

/** A key and a request with these faults and no others, the request coming 20 s after the key's creation. */
function withFaults(faults: typeof FAULTS): { key: Key; request: Admission } {
  let key = aKey(Object.assign({}, ...faults.map(({ profile }) => profile)));
  // Used up before it is changed: afterwards it could not be.
  const used = faults.flatMap(({ use }) => use ?? []);
  if (used.length > 0) key = used.at(-1)!(key);
  const changes = faults.flatMap(({ change }) => change ?? []);
  for (const change of changes.toSorted((a, b) => orderOf(a) - orderOf(b))) key = change(key);
  return { key, request: Object.assign({}, aRequest(), ...faults.map(({ request }) => request)) };
}
/** Rotation, then suspension, then revocation: each is still possible after the one before. */
const orderOf = (change: (key: Key) => Key): number => change(aKey()).standing.revokedAt ?? t(2);

const named = FAULTS.map((fault) => [fault.reason, fault] as const);

describe("a refused request", () => {
  it.each(named)("changes nothing: %s", (reason, fault) => {
    const { key, request } = withFaults([fault]);
    const before = structuredClone(key);
    const step = admitWith(key, request, t(20));
    expect(step.answer).toMatchObject({ admitted: false, refusal: { reason } });
    expect(step.key).toBe(key);
    expect(step.key).toEqual(before);
    expect(step.events).toEqual([]);
  });

  it.each(
    named.flatMap(([first, one], at) => named.slice(at + 1).map(([second, other]) => [first, second, one, other])),
  )("hears %s before %s", (first, _second, one, other) => {
    const { key, request } = withFaults([one, other] as typeof FAULTS);
    const step = admitWith(key, request, t(20));
    expect(step.answer).toMatchObject({ admitted: false, refusal: { reason: first } });
    expect(step.key).toBe(key);
    // Whoever has it explained hears the same, and the other as well.
    const { checks } = explain(key, request, t(20));
    expect(checks.find(({ refusal }) => refusal !== null)).toMatchObject({ refusal: { reason: first } });
  });

  it("spends nothing of the limits that had room: all are charged or none is", () => {
    let key = aKey({ quota: aQuota(50), rateLimits: [aWindow(100, 60, "wide"), aWindow(1, 60, "narrow")] });
    key = admitWith(key, aRequest(), t(0)).key;
    for (let at = 0; at < 20; at++) key = admitWith(key, aRequest(), t(at)).key;
    const { allowance } = admitWith(key, aRequest(), t(30)).answer;
    expect(allowance).toMatchObject({ quota: { used: 1 }, rateLimits: [{ remaining: 99 }, { remaining: 0 }] });
  });

  it("for its quota leaves the rate limits as they were", () => {
    let key = aKey({ quota: aQuota(1), rateLimits: [aWindow(5, 60)] });
    key = admitWith(key, aRequest(), t(0)).key;
    for (let at = 0; at < 20; at++) key = admitWith(key, aRequest(), t(at)).key;
    expect(admitWith(key, aRequest(FIRST, { cost: 0 }), t(20)).answer).toMatchObject({
      admitted: true,
      allowance: { rateLimits: [{ remaining: 3 }] },
    });
  });

  it("for its pace is told the limit that takes longest to recover", () => {
    const rateLimits = [aWindow(1, 10, "short"), aWindow(1, 100, "long"), aWindow(1, 50, "middle")];
    const { key } = admitWith(aKey({ rateLimits }), aRequest(), t(0));
    expect(admitWith(key, aRequest(), t(1)).answer).toMatchObject({
      refusal: { reason: "rate-limited", limit: "long", retryAt: t(100.001) },
    });
    expect(admitWith(key, aRequest(), t(99)).answer).toMatchObject({ refusal: { limit: "long" } });
  });

  it("for its quota is told when that is whole again, or that it never will be", () => {
    const spentOf = (period: "day" | "none") => admitWith(aKey({ quota: aQuota(1, period) }), aRequest(), t(0)).key;
    expect(admitWith(spentOf("day"), aRequest(), t(1)).answer).toMatchObject({
      refusal: { reason: "quota-exceeded", retryAt: t(24 * 3600) },
    });
    expect(admitWith(spentOf("none"), aRequest(), t(1)).answer).toMatchObject({
      refusal: { reason: "quota-exceeded", retryAt: null },
    });
  });

  it("for a cost that no period holds is told so, unless the quota is a balance that may be raised", () => {
    const costly = aRequest(FIRST, { cost: 51 });
    expect(admitWith(aKey({ quota: aQuota(50) }), costly, t(0)).answer).toMatchObject({
      refusal: { reason: "cost-exceeds-limit", limit: "quota" },
    });
    expect(admitWith(aKey({ quota: aQuota(50, "none") }), costly, t(0)).answer).toMatchObject({
      refusal: { reason: "quota-exceeded" },
    });
  });
});

describe("what a refusal tells", () => {
  it.each(named)("%s", (reason, fault) => {
    const { key, request } = withFaults([fault]);
    const { answer } = admitWith(key, request, t(20));
    if (answer.admitted) throw new Error("admitted");
    // Nobody: nothing. Who held the key once: which key, and which of its secrets. Who holds it: everything.
    const everything: unknown = expect.objectContaining({ name: "a key" });
    const details = reason === "key-rotated" ? null : everything;
    const identity = { keyId: key.profile.id, owner: null, version: 1, details };
    expect(answer.identity).toEqual(reason === "wrong-secret" ? null : identity);
    // What is left is told where it is a matter of waiting.
    const waits: readonly Reason[] = ["concurrency-exceeded", "rate-limited", "quota-exceeded"];
    expect(answer.allowance !== null).toBe(waits.includes(reason));
  });
});

describe("a dry run", () => {
  it("takes nothing, however often it is repeated", () => {
    const key = aKey({ quota: aQuota(1), rateLimits: [aWindow(1, 60)] });
    for (let at = 0; at < 5; at++) {
      const step = admitWith(key, aRequest(FIRST, { dryRun: true }), t(at));
      expect(step.answer.admitted).toBe(true);
      expect(step.key).toBe(key);
    }
  });

  it("is refused like the request it stands for", () => {
    const { key } = admitWith(aKey({ quota: aQuota(1) }), aRequest(), t(0));
    expect(admitWith(key, aRequest(FIRST, { dryRun: true }), t(1)).answer).toMatchObject({
      refusal: { reason: "quota-exceeded" },
    });
  });
});

import { describe, expect, it } from "vitest";
import { judge } from "../../src/control/faults.ts";
import { verifyAnswer } from "../../src/control/schema/verify.ts";
import { verifyAnswerOf } from "../../src/control/verify-answer.ts";
import type { Verdict } from "../../src/key/admit.ts";
import { revoke, suspend } from "../../src/key/standing.ts";
import { explain } from "../../src/key/explain.ts";
import type { Key, Secret } from "../../src/key/key.ts";
import type { Reason } from "../../src/key/refusal.ts";
import {
  admitWith,
  aKey,
  aQuota,
  aRequest,
  aRotation,
  at,
  aWindow,
  FIRST,
  NOBODYS,
  rotateWith,
  SECOND,
  t,
} from "../support/a-key.ts";

/** What a verify says of one admission, decided by the rules themselves. */
function answerTo(key: Key, request = aRequest(), seconds = 1) {
  const verdict = admitWith(key, request, t(seconds)).answer;
  return verifyAnswerOf({ ...verdict, decision: "1.7" }, "req_1");
}

const rotated = (key: Key, fresh: Secret = SECOND) =>
  rotateWith(key, { expectedVersion: null, graceSeconds: 0 }, fresh, at(t(0))).key;
const used = (key: Key) => admitWith(key, aRequest(), t(0)).key;

const STRANGER = { valid: false, code: "invalid-key", requestId: "req_1", decision: null };

describe("a verify answer", () => {
  it("tells who holds an admitted key and what is left", () => {
    const key = aKey({ name: "billing", owner: "acme", scopes: ["a:*"], metadata: { plan: "pro" }, quota: aQuota(5) });
    expect(answerTo(key)).toEqual({
      valid: true,
      code: "valid",
      requestId: "req_1",
      decision: "1.7",
      keyId: key.profile.id,
      owner: "acme",
      name: "billing",
      version: 1,
      scopes: ["a:*"],
      metadata: { plan: "pro" },
      expiresAt: null,
      quota: {
        limit: 5,
        period: "day",
        timezone: "UTC",
        refill: "reset",
        cap: null,
        used: 1,
        remaining: 4,
        resetsAt: "2026-01-02T00:00:00.000Z",
      },
      rateLimits: [],
    });
  });

  it("tells an even period by its anchor, as a time", () => {
    const key = aKey({ quota: aQuota(5, { everySeconds: 90, anchor: t(30) }) });
    expect(answerTo(key).quota).toMatchObject({
      period: { everySeconds: 90, anchor: "2026-01-01T00:00:30.000Z" },
      resetsAt: "2026-01-01T00:00:30.000Z",
    });
  });

  it("hands over a reservation, with the instant by which it is to be settled", () => {
    const answer = answerTo(aKey({ reserveSeconds: 60 }), aRequest(FIRST, { cost: 5, reserve: true }), 0);
    expect(answer.reservation).toEqual({
      id: expect.stringMatching(/^res_0{16}_[0-9A-Za-z]{16}$/),
      expiresAt: "2026-01-01T00:01:00.000Z",
    });
  });

  it("hands over a successor to the one request that gets it", () => {
    const key = aKey({ rotation: aRotation({ afterUses: 1, mode: "issue", graceSeconds: 60 }) });
    expect(answerTo(key)).toMatchObject({ valid: true, version: 1, newKey: "credential …cond" });
    expect(answerTo(used(key))).not.toHaveProperty("newKey");
  });

  it("survives an object of the release before, which knows neither", () => {
    const { answer } = admitWith(aKey(), aRequest(), t(0));
    const { newKey: _, reservation: __, ...older } = answer as Extract<Verdict, { admitted: true }>;
    const told = verifyAnswerOf({ ...(older as Verdict), decision: "1.7" }, "req_1");
    expect(Object.keys(told)).not.toContain("newKey");
    expect(Object.keys(told)).not.toContain("reservation");
  });

  it("explains a decision: every rule by itself, in order, and what each counter held before", () => {
    const key = aKey({ scopes: ["a"], quota: aQuota(5), rateLimits: [aWindow(1, 60)] });
    const request = aRequest(FIRST, { scopes: ["b"], cost: 9 });
    const spent = used(key);
    const { answer } = admitWith(spent, request, t(1));
    const { explanation } = verifyAnswerOf(
      { ...answer, decision: "1.7", explanation: explain(spent, request, t(1)) },
      "req_1",
    );
    expect(explanation).toMatchObject({
      decidedBy: "reach",
      checks: [
        { check: "identity", code: null },
        { check: "standing", code: null },
        { check: "rotation", code: null },
        { check: "reach", code: "insufficient-scope" },
        { check: "concurrency", code: null },
        { check: "pace", code: "rate-limited", limit: "burst" },
        { check: "allowance", code: "cost-exceeds-limit", limit: "quota" },
      ],
      before: { quota: { used: 1, remaining: 4 }, rateLimits: [{ name: "burst", remaining: 0 }] },
    });
  });

  it("explains even that a secret is nobody's, to whoever may be told", () => {
    const key = aKey();
    const { answer } = admitWith(key, aRequest(NOBODYS), t(0));
    const explained = { ...answer, decision: "1.7", explanation: explain(key, aRequest(NOBODYS), t(0)) };
    expect(verifyAnswerOf(explained, "req_1")).toMatchObject({ ...STRANGER, explanation: { decidedBy: "identity" } });
  });

  it("explains an admission by no rule", () => {
    const { decidedBy, checks } = explain(aKey(), aRequest(), t(0));
    expect([decidedBy, checks.filter(({ refusal }) => refusal !== null)]).toEqual([null, []]);
  });

  it("tells a stranger nothing, and the same whatever the stranger holds", () => {
    expect(answerTo(aKey(), aRequest(NOBODYS))).toEqual(STRANGER);
    expect(answerTo(revoke(aKey(), at(t(0))).key, aRequest(NOBODYS))).toEqual(STRANGER);
    const unknown = { admitted: false, at: t(0), refusal: { reason: "unknown-key" }, identity: null } as const;
    expect(verifyAnswerOf({ ...unknown, allowance: null, decision: null }, "req_1")).toEqual(STRANGER);
  });

  it("tells the holder of a retired secret id, owner and version, and nothing more", () => {
    const key = rotated(aKey({ owner: "acme", quota: aQuota(5), metadata: { plan: "pro" } }));
    expect(answerTo(key)).toEqual({
      valid: false,
      code: "key-rotated",
      requestId: "req_1",
      decision: "1.7",
      keyId: key.profile.id,
      owner: "acme",
      version: 1,
    });
  });

  it.each<[Exclude<Reason, "unknown-key" | "wrong-secret" | "key-rotated">, Key, object, number | undefined]>([
    ["key-revoked", revoke(aKey(), at(t(0))).key, {}, undefined],
    ["key-suspended", suspend(aKey(), at(t(0))).key, {}, undefined],
    ["key-expired", aKey({ expiresAt: t(1) }), {}, undefined],
    ["insufficient-scope", aKey(), { scopes: ["a"] }, undefined],
    ["ip-not-allowed", aKey({ allowedIps: ["10.0.0.1"] }), {}, undefined],
    // The window is over when more than 60 s have passed: 59.001 s from now, told as 60.
    ["rate-limited", used(aKey({ rateLimits: [aWindow(1, 60)] })), {}, 60],
    ["quota-exceeded", used(aKey({ quota: aQuota(1, "hour") })), {}, 3599],
    ["quota-exceeded", used(aKey({ quota: aQuota(1, "none") })), {}, undefined],
    ["cost-exceeds-limit", aKey({ quota: aQuota(1) }), { cost: 2 }, undefined],
  ])(
    "says %s to whoever proved possession, and how long to wait only where waiting helps",
    (code, key, request, wait) => {
      const answer = answerTo(key, aRequest(FIRST, request));
      expect(answer).toMatchObject({ valid: false, code, decision: "1.7", keyId: key.profile.id, name: "a key" });
      expect(answer.retryAfterSeconds).toBe(wait);
    },
  );

  it.each([
    ["admitted", aKey({ quota: aQuota(5), rateLimits: [aWindow(5, 60)], expiresAt: t(100) })],
    ["refused", used(aKey({ rateLimits: [aWindow(1, 60)] }))],
    ["strange", rotated(aKey())],
  ])("is what its schema says (%s)", (_name, key) => {
    expect(judge(verifyAnswer, JSON.parse(JSON.stringify(answerTo(key))))).toMatchObject({ ok: true });
  });
});

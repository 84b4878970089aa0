import { describe, expect, it } from "vitest";
import { obey, revoke, suspend } from "../../src/key/standing.ts";
import { statusOf, type Key, type Secret } from "../../src/key/key.ts";
import type { EpochMs } from "../../src/key/time.ts";
import { Asks } from "../../src/key/self-asks.ts";
import { readSelf, revokeSelf } from "../../src/key/self.ts";
import {
  admitWith,
  aKey,
  aQuota,
  aRequest,
  at,
  aWindow,
  FIRST,
  NOBODYS,
  rotateWith,
  SECOND,
  t,
} from "../support/a-key.ts";

const HOME = "203.0.113.7";
const rotated = (graceSeconds: number) =>
  rotateWith(aKey(), { expectedVersion: null, graceSeconds }, SECOND, at(t(1))).key;
const ownerSuspended = (key: Key) => obey(key, { revision: 1, standing: "suspended" }, at(t(3))).key;

const answerTo = (key: Key, { digest }: Secret, ip: string | null = HOME, now = t(20)) => {
  const step = readSelf(key, digest, ip, new Asks(), now);
  expect(step.key).toBe(key);
  expect(step.events).toEqual([]);
  return step.answer.done ? "told" : step.answer.refusal.reason;
};

describe("the record is told to whoever holds", () => {
  it.each([
    ["the secret of the key", aKey(), FIRST],
    ["a secret in its grace", rotated(60), FIRST],
    ["the secret of a key whose quota is spent", admitWith(aKey({ quota: aQuota(1) }), aRequest(), t(0)).key, FIRST],
    [
      "the secret of a key whose window is full",
      admitWith(aKey({ rateLimits: [aWindow(1, 3600)] }), aRequest(), t(0)).key,
      FIRST,
    ],
    ["the secret of a key without any scope, at an allowed place", aKey({ allowedIps: [HOME] }), FIRST],
  ])("%s", (_name, key, secret) => {
    expect(answerTo(key, secret)).toBe("told");
  });
});

describe("the record is not told to whoever holds", () => {
  const expired = aKey({ expiresAt: t(10), allowedIps: [HOME] });
  it.each([
    ["nothing of the key's", aKey(), NOBODYS, HOME, "wrong-secret"],
    ["a retired secret", rotated(0), FIRST, HOME, "key-rotated"],
    ["a retired secret of a revoked key", revoke(rotated(0), at(t(3))).key, FIRST, HOME, "key-rotated"],
    ["the secret of a revoked key", revoke(aKey(), at(t(3))).key, FIRST, HOME, "key-revoked"],
    ["the secret of a suspended key", suspend(aKey(), at(t(3))).key, FIRST, HOME, "key-suspended"],
    ["the secret of a key of a suspended owner", ownerSuspended(aKey()), FIRST, HOME, "owner-suspended"],
    ["the secret of an expired key", expired, FIRST, "198.51.100.1", "key-expired"],
    ["the secret at another place", aKey({ allowedIps: [HOME] }), FIRST, "198.51.100.1", "ip-not-allowed"],
    ["the secret at a place that is not known", aKey({ allowedIps: [HOME] }), FIRST, null, "ip-not-allowed"],
  ])("%s", (_name, key, secret, ip, reason) => {
    expect(answerTo(key, secret, ip)).toBe(reason);
  });
});

describe("a key is ended by whoever holds its current secret", () => {
  it.each([
    ["whatever its standing: active", aKey()],
    ["suspended", suspend(aKey(), at(t(2))).key],
    ["of a suspended owner", ownerSuspended(aKey())],
    ["expired", aKey({ expiresAt: t(10) })],
    ["used up", admitWith(aKey({ quota: aQuota(1) }), aRequest(), t(0)).key],
    ["allowed only elsewhere, for a leaked key is found anywhere", aKey({ allowedIps: [HOME] })],
    ["not allowed to rotate itself", aKey({ selfRotate: false })],
    ["while the secret before it is in its grace", rotated(60), SECOND],
  ])("%s", (_name, before, secret = FIRST) => {
    const { key, events, answer } = revokeSelf(before, secret.digest, new Asks(), {
      ...at(t(20)),
      reason: "found on a paste site",
    });
    expect(answer).toEqual({ done: true });
    expect(statusOf(key, t(20))).toBe("revoked");
    expect(events).toMatchObject([{ type: "key.revoked", at: t(20), detail: { reason: "found on a paste site" } }]);
  });

  it("once: asked again it is done already, at the instant of the first time", () => {
    const { key } = revokeSelf(aKey(), FIRST.digest, new Asks(), at(t(1)));
    const again = revokeSelf(key, FIRST.digest, new Asks(), at(t(9)));
    expect(again).toEqual({ key, events: [], answer: { done: true } });
    expect(again.key).toBe(key);
    expect(key.standing.revokedAt).toBe(t(1));
  });

  it.each([
    ["a retired secret, which a thief of an old one may hold", rotated(0), FIRST, "key-rotated"],
    ["a secret in its grace, which ends by itself", rotated(60), FIRST, "key-rotated"],
    ["a secret whose grace is over", rotated(5), FIRST, "key-rotated"],
    ["a retired secret of a key that is revoked already", revoke(rotated(0), at(t(3))).key, FIRST, "key-rotated"],
    ["nothing of the key's", aKey(), NOBODYS, "wrong-secret"],
  ])("but not by %s", (_name, key, secret, reason) => {
    const step = revokeSelf(key, secret.digest, new Asks(), at(t(20)));
    expect(step).toEqual({ key, events: [], answer: { done: false, refusal: { reason } } });
    expect(step.key).toBe(key);
  });
});

describe("how often a key may be asked about itself", () => {
  it("is 120 times a minute, by whoever holds a secret; strangers are refused as ever and take nothing", () => {
    const key = aKey();
    const asks = new Asks();
    const ask = (secret: Secret, now: EpochMs) => readSelf(key, secret.digest, HOME, asks, now).answer;
    for (let n = 0; n < 200; n++) expect(ask(NOBODYS, t(0))).toMatchObject({ refusal: { reason: "wrong-secret" } });
    for (let n = 0; n < 120; n++) expect(ask(FIRST, t(1))).toEqual({ done: true });
    const refused = { done: false, refusal: { reason: "rate-limited", limit: "self", retryAt: t(61.001) } };
    expect(ask(FIRST, t(61))).toEqual(refused);
    expect(ask(FIRST, t(61.001))).toEqual({ done: true });
  });

  it("never keeps anybody from ending it, but from ending it again and again", () => {
    const asks = new Asks();
    const key = aKey();
    for (let n = 0; n < 120; n++) readSelf(key, FIRST.digest, HOME, asks, t(1));
    const ended = revokeSelf(key, FIRST.digest, asks, at(t(1)));
    expect(ended.answer).toEqual({ done: true });
    expect(revokeSelf(ended.key, FIRST.digest, asks, at(t(2))).answer).toMatchObject({
      refusal: { reason: "rate-limited" },
    });
    expect(revokeSelf(ended.key, FIRST.digest, asks, at(t(62))).answer).toEqual({ done: true });
  });
});

import { describe, expect, it } from "vitest";
import { amend } from "../../src/key/amend.ts";
import { credit } from "../../src/key/credit.ts";
import { obey, resume, revoke, suspend } from "../../src/key/standing.ts";
import { create, createAfterPurge, createAgain, type CreateOptions } from "../../src/key/create.ts";
import type { Key, Profile, Secret } from "../../src/key/key.ts";
import { purge } from "../../src/key/purge.ts";
import type { Idempotency } from "../../src/key/receipt.ts";
import { rotate } from "../../src/key/rotate.ts";
import type { EpochMs } from "../../src/key/time.ts";
import { aCall } from "../support/a-call.ts";
import {
  admitWith,
  aKey,
  aProfile,
  aQuota,
  aRequest,
  at,
  FIRST,
  freshly,
  NOBODYS,
  PEPPERS,
  SECOND,
  t,
  THIRD,
} from "../support/a-key.ts";

const MINUTE = 60;
const CREATION = aCall("header-of-the-creation", "create it");
const ROTATION = aCall("header-of-the-rotation", "rotate it");

const createdWith = (idempotency: Idempotency | null = CREATION, profile: Partial<Profile> = {}): Key => {
  const options: CreateOptions = { expiresAt: null, ownerOrder: null, idempotency };
  return create(aProfile(profile), options, freshly(FIRST, "the first"), at(t(0))).key;
};

const rotateTo = (
  key: Key,
  secret: Secret,
  now: EpochMs,
  idempotency: Idempotency | null = ROTATION,
  command: { expectedVersion?: number | null; graceSeconds?: number } = {},
) =>
  rotate(
    key,
    { expectedVersion: null, graceSeconds: 0, idempotency, ...command },
    freshly(secret, `the one of ${secret.hint}`),
    at(now),
  );

const used = (key: Key, secret = FIRST) => admitWith(key, aRequest(secret), t(1)).key;
const newOwnerOrder = (standing: "suspended" | "active") => ({ revision: 1, standing });

/** What may happen to a key between a call whose answer was lost and its retry, and whether the answer is still to be had. */
const MEANWHILE: readonly (readonly [name: string, happens: (key: Key) => Key, repeatable: boolean])[] = [
  ["nothing", (key) => key, true],
  ["a question whether the secret would be admitted", (key) => admitWith(key, dry(key), t(1)).key, true],
  ["an attempt with somebody else's secret", (key) => used(key, NOBODYS), true],
  ["an attempt that is refused", (key) => admitWith(key, { ...asked(key), scopes: ["none"] }, t(1)).key, true],
  ["an amendment", (key) => amend(key, renaming, at(t(1))).key, true],
  ["a credit", (key) => credit(key, { credit: { add: 5 }, expectedRevision: null }, at(t(1))).key, true],
  ["the first use of the secret", (key) => admitWith(key, asked(key), t(1)).key, false],
  ["a rotation", (key) => rotateTo(key, THIRD, t(1), null).key, false],
  [
    "a rotation with grace",
    (key) => rotateTo(key, THIRD, t(1), aCall("another-header-16"), { graceSeconds: 60 }).key,
    false,
  ],
  ["a suspension", (key) => suspend(key, at(t(1))).key, false],
  ["a suspension that is over", (key) => resume(suspend(key, at(t(1))).key, at(t(2))).key, false],
  ["a suspension of its owner", (key) => obey(key, newOwnerOrder("suspended"), at(t(1))).key, false],
  ["a revocation", (key) => revoke(key, at(t(1))).key, false],
];
const asked = (key: Key) => aRequest(key.standing.secret);
const dry = (key: Key) => ({ ...asked(key), dryRun: true });
const renaming = { amendment: { name: "renamed" }, expectedRevision: null };

describe("a creation that is repeated", () => {
  it.each(MEANWHILE)("after %s", (_name, happens, repeatable) => {
    const key = happens(createdWith(CREATION, { quota: aQuota(50, "none") }));
    expect(createAgain(key, CREATION, t(3), PEPPERS)).toEqual(
      repeatable ? { done: true, credential: "the first" } : { done: false, because: "idempotency-expired" },
    );
  });

  it.each([
    ["without a header", null, "conflict"],
    ["with another header", aCall("another-header-16", "create it"), "conflict"],
    ["by somebody else", aCall("header-of-the-creation", "create it", "key_0000000000000009"), "conflict"],
    ["with another request", aCall("header-of-the-creation", "create another"), "idempotency-mismatch"],
  ])("%s creates nothing and repeats nothing", (_name, idempotency, because) => {
    expect(createAgain(createdWith(), idempotency, t(1), PEPPERS)).toEqual({ done: false, because });
  });

  it("conflicts with a key whose creation carried no header, whatever header it brings", () => {
    expect(createAgain(createdWith(null), CREATION, t(1), PEPPERS)).toEqual({ done: false, because: "conflict" });
  });

  it("is possible for ten minutes, and is refused for ever after", () => {
    const key = createdWith();
    expect(createAgain(key, CREATION, t(10 * MINUTE - 0.001), PEPPERS)).toMatchObject({ done: true });
    for (const seconds of [10 * MINUTE, 30 * 24 * 3600, 3650 * 24 * 3600]) {
      expect(createAgain(key, CREATION, t(seconds), PEPPERS)).toEqual({ done: false, because: "idempotency-expired" });
    }
  });

  it.each([
    ["with its header", CREATION, "idempotency-expired"],
    ["with its header and another request", aCall("header-of-the-creation", "another"), "idempotency-mismatch"],
    ["with the header of a rotation", ROTATION, "conflict"],
    ["with any other header", aCall("another-header-16"), "conflict"],
    ["without a header", null, "conflict"],
  ])("after the key was purged creates nothing: %s", (_name, idempotency, because) => {
    const key = revoke(rotateTo(createdWith(), SECOND, t(1)).key, at(t(2))).key;
    const { vacancy } = purge(key, at(t(3)))!;
    expect(createAfterPurge(vacancy, idempotency, t(4))).toEqual({ done: false, because });
  });
});

describe("a rotation that is repeated", () => {
  const lost = rotateTo(createdWith(null, { quota: aQuota(50, "none") }), SECOND, t(0), ROTATION, {
    expectedVersion: 1,
    graceSeconds: 60,
  });
  const again = (key: Key, idempotency: Idempotency | null = ROTATION, now = t(3)) =>
    rotateTo(key, NOBODYS, now, idempotency, { expectedVersion: 1, graceSeconds: 60 });

  it.each(MEANWHILE)("after %s", (_name, happens, repeatable) => {
    const key = happens(lost.key);
    const step = again(key);
    expect(step.answer).toEqual(
      repeatable
        ? { done: true, credential: "the one of …cond", retired: { version: 1, validUntil: t(60) } }
        : { done: false, because: "idempotency-expired", currentVersion: key.standing.version },
    );
    // Told or refused: nothing is done a second time.
    expect(step.key).toBe(key);
    expect(step.events).toEqual([]);
  });

  it("is still to be had after the retired secret was used in its grace: that proves nothing about the new one", () => {
    expect(again(used(lost.key, FIRST)).answer).toMatchObject({ done: true, credential: "the one of …cond" });
  });

  it("is looked up before the version is compared, which it has itself moved", () => {
    expect(again(lost.key, null).answer).toEqual({ done: false, because: "version-conflict", currentVersion: 2 });
    expect(again(lost.key).answer).toMatchObject({ done: true });
  });

  it("with another request is a mistake and does nothing", () => {
    const step = again(lost.key, aCall("header-of-the-rotation", "rotate it otherwise"));
    expect(step.answer).toEqual({ done: false, because: "idempotency-mismatch", currentVersion: 2 });
    expect(step.key).toBe(lost.key);
  });

  it("by somebody else is a rotation of its own", () => {
    const somebodyElse = aCall("header-of-the-rotation", "rotate it", "key_0000000000000009");
    expect(rotateTo(lost.key, THIRD, t(1), somebodyElse).answer).toMatchObject({
      done: true,
      credential: "the one of …hird",
      retired: { version: 2 },
    });
  });

  it.each([
    ["after 9 min 59.999 s", 10 * MINUTE - 0.001, true],
    ["after 10 min", 10 * MINUTE, false],
  ])("is possible for ten minutes: %s", (_name, seconds, repeatable) => {
    expect(again(lost.key, ROTATION, t(seconds)).answer.done).toBe(repeatable);
  });

  it("does not give a later one the answer of an earlier one", () => {
    const later = aCall("header-of-the-later-one", "rotate it");
    const { key } = rotateTo(lost.key, THIRD, t(1), later);
    expect(rotateTo(key, NOBODYS, t(2), later).answer).toMatchObject({ done: true, credential: "the one of …hird" });
    expect(rotateTo(key, NOBODYS, t(2)).answer).toMatchObject({ done: false, because: "idempotency-expired" });
    expect(rotateTo(key, NOBODYS, t(2)).key).toBe(key);
  });

  it("of a key that has expired meanwhile is told all the same: its change was made in time", () => {
    const short = rotateTo(aKey({ expiresAt: t(5) }), SECOND, t(1));
    expect(rotateTo(short.key, NOBODYS, t(9)).answer).toEqual(short.answer);
    expect(rotateTo(short.key, NOBODYS, t(9), null).answer).toMatchObject({ because: "key-expired" });
  });
});

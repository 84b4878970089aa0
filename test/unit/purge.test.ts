import { describe, expect, it } from "vitest";
import { revoke, suspend } from "../../src/key/standing.ts";
import { create } from "../../src/key/create.ts";
import { purge } from "../../src/key/purge.ts";
import { rotate } from "../../src/key/rotate.ts";
import { aCall } from "../support/a-call.ts";
import { aKey, aProfile, at, FIRST, freshly, SECOND, t } from "../support/a-key.ts";

const personal = {
  actor: "admin",
  requestId: "req_1",
  ip: "203.0.113.7",
  userAgent: "curl/8",
  country: "DE",
};

describe("a purge", () => {
  it("leaves a tombstone and one last event, with nothing personal in either", () => {
    const key = revoke(
      aKey({ owner: "acme", name: "Ada's laptop", metadata: { mail: "ada@example.com" } }),
      at(t(1)),
    ).key;
    const purged = purge(key, { now: t(2), by: personal, reason: null });
    expect(purged).toEqual({
      vacancy: { kind: "purged", keyId: "key_0000000000000000", owner: "acme", sequence: 3, creation: null },
      event: {
        sequence: 3,
        type: "key.purged",
        at: t(2),
        by: { actor: "admin", requestId: "req_1", ip: null, userAgent: null, country: null },
        detail: {},
      },
    });
  });

  it("says why it was asked for", () => {
    const { event } = purge(revoke(aKey(), at(t(1))).key, { now: t(2), by: personal, reason: "ticket 7" })!;
    expect(event.detail).toEqual({ reason: "ticket 7" });
  });

  it("keeps the receipt of the creation, and of nothing else: a late retry must not create the key anew", () => {
    const idempotency = aCall("header-of-the-creation");
    const created = create(
      aProfile(),
      { expiresAt: null, ownerOrder: null, idempotency },
      freshly(FIRST),
      at(t(0)),
    ).key;
    const command = { expectedVersion: null, graceSeconds: 0, idempotency: aCall("header-of-a-rotation") };
    const rotated = rotate(created, command, freshly(SECOND), at(t(1))).key;
    expect(rotated.receipts.seen).toHaveLength(2);
    const { vacancy } = purge(revoke(rotated, at(t(2))).key, at(t(3)))!;
    expect(vacancy.creation).toEqual(created.receipts.seen[0]);
  });

  it.each([
    ["a revoked key", revoke(aKey(), at(t(1))).key, 1, true],
    ["a revoked key that would expire later", revoke(aKey({ expiresAt: t(60) }), at(t(1))).key, 2, true],
    ["an expired key", aKey({ expiresAt: t(60) }), 60, true],
    ["an expired key that is suspended", suspend(aKey({ expiresAt: t(60) }), at(t(1))).key, 60, true],
    ["a key 1 ms before it expires", aKey({ expiresAt: t(60) }), 59.999, false],
    ["an active key", aKey(), 1e9, false],
    ["a suspended key", suspend(aKey(), at(t(1))).key, 1e9, false],
  ])("of %s at %d s: %s", (_name, key, seconds, possible) => {
    expect(purge(key, at(t(seconds))) !== null).toBe(possible);
  });
});

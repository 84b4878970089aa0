import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { obey, resume, revoke, suspend } from "../../src/key/standing.ts";
import { create } from "../../src/key/create.ts";
import { isOwnerSuspended, statusOf, type Key, type Secret } from "../../src/key/key.ts";
import { newerOrder, type OwnerOrder, type OwnerStanding } from "../../src/key/owner-order.ts";
import { recordOf } from "../../src/key/record.ts";
import type { EpochMs } from "../../src/key/time.ts";
import { awaitedOrder, withAwaited, type Purged, type Vacancy } from "../../src/key/vacancy.ts";
import {
  admin,
  admitWith,
  aKey,
  aProfile,
  aRequest,
  at,
  FIRST,
  freshly,
  rotateWith,
  SECOND,
  t,
} from "../support/a-key.ts";

const order = (revision: number, standing: OwnerStanding): OwnerOrder => ({ revision, standing });
const heard = (key: Key, secret: Secret, now: EpochMs): string => {
  const { answer } = admitWith(key, aRequest(secret), now);
  return answer.admitted ? "admitted" : answer.refusal.reason;
};

describe("an order of the owner", () => {
  it.each([
    ["suspended", "key.owner-suspended", "owner-suspended", { status: "active", ownerSuspended: true }],
    ["revoked", "key.revoked", "key-revoked", { status: "revoked", ownerSuspended: false, revokedAt: t(5) }],
    ["active", "key.owner-resumed", "admitted", { status: "active", ownerSuspended: false }],
  ] as const)("%s is carried out, and makes one event", (standing, type, hears, record) => {
    const { key, events, answer } = obey(aKey(), order(1, standing), { ...at(t(5)), reason: "unpaid" });
    expect(answer).toEqual({ done: true });
    const status = standing === "revoked" ? { status: { before: "active", after: "revoked" } } : {};
    const detail = { ownerStanding: { before: "active", after: standing }, ...status, reason: "unpaid" };
    expect(events).toEqual([{ sequence: 2, type, at: t(5), by: admin, detail }]);
    expect(heard(key, FIRST, t(5))).toBe(hears);
    expect(recordOf(key, t(5))).toMatchObject({ ...record, revision: 2 });
  });

  it.each([
    ["that came already", order(3, "suspended")],
    ["older than the one that came", order(2, "revoked")],
    ["that is the first of all, and late", order(1, "active")],
  ])("%s changes nothing", (_name, late) => {
    const { key } = obey(aKey(), order(3, "suspended"), at(t(1)));
    const step = obey(key, late, at(t(2)));
    expect(step).toEqual({ key, events: [], answer: { done: true } });
    expect(step.key).toBe(key);
  });

  it("changes nothing of a revoked key: one revocation, one event", () => {
    const { key } = revoke(aKey(), at(t(1)));
    for (const standing of ["suspended", "revoked", "active"] as const) {
      expect(obey(key, order(9, standing), at(t(2))).key).toBe(key);
    }
  });

  it.each(["suspended", "revoked"] as const)("%s ends every grace and every repeat for good", (standing) => {
    const key = rotateWith(aKey(), { expectedVersion: null, graceSeconds: 3600 }, SECOND, at(t(1))).key;
    const repeatable = {
      ...key,
      receipts: { ...key.receipts, repeat: { header: FIRST.digest, sealed: "", validUntil: t(9) } },
    };
    const stopped = obey(repeatable, order(1, standing), at(t(2))).key;
    expect(stopped.receipts.repeat).toBeNull();
    const resumed = obey(stopped, order(2, "active"), at(t(3))).key;
    expect(heard(resumed, FIRST, t(3))).toBe("key-rotated");
    expect(heard(resumed, SECOND, t(3))).toBe(standing === "revoked" ? "key-revoked" : "admitted");
  });

  it("stands beside the key's own suspension: neither ends with the other", () => {
    const both = obey(suspend(aKey(), at(t(1))).key, order(1, "suspended"), at(t(2))).key;
    const byItself = obey(both, order(2, "active"), at(t(3))).key;
    expect(heard(byItself, FIRST, t(4))).toBe("key-suspended");
    const byOwner = resume(both, at(t(3))).key;
    expect(heard(byOwner, FIRST, t(4))).toBe("owner-suspended");
    expect(heard(resume(byItself, at(t(5))).key, FIRST, t(6))).toBe("admitted");
  });

  it("under which a key is created stops it from the first moment, and a later one lets it go", () => {
    const options = { expiresAt: null, ownerOrder: order(4, "suspended"), idempotency: null };
    const { key } = create(aProfile({ owner: "acme" }), options, freshly(FIRST), at(t(0)));
    expect(heard(key, FIRST, t(0))).toBe("owner-suspended");
    expect(obey(key, order(4, "suspended"), at(t(1))).key).toBe(key);
    expect(heard(obey(key, order(5, "active"), at(t(1))).key, FIRST, t(1))).toBe("admitted");
  });

  it("has the same end in whatever order and however often orders arrive: the newest holds", () => {
    const decided = fc.array(fc.constantFrom<OwnerStanding>("active", "suspended"), { minLength: 1, maxLength: 8 });
    const arrivals = fc.tuple(decided, fc.boolean()).chain(([standings, revoked]) => {
      const orders = [...standings, ...(revoked ? ["revoked" as const] : [])].map((each, index) =>
        order(index + 1, each),
      );
      // Each once at least, some of them again.
      const again = fc.array(fc.constantFrom(...orders), { maxLength: 8 });
      const shuffled = again.chain((more) =>
        fc.shuffledSubarray([...orders, ...more], { minLength: orders.length + more.length }),
      );
      return fc.tuple(fc.constant(orders), shuffled);
    });
    fc.assert(
      fc.property(arrivals, ([orders, arriving]) => {
        let key = aKey();
        let sequence = 1;
        for (const [index, each] of arriving.entries()) {
          const step = obey(key, each, at(t(index)));
          for (const event of step.events) expect(event.sequence).toBe((sequence += 1));
          expect(step.events).toHaveLength(step.key === key ? 0 : 1);
          key = step.key;
        }
        const last = orders.at(-1)!;
        expect(key.standing.ownerOrder).toEqual(last);
        expect(statusOf(key, t(99))).toBe(last.standing === "revoked" ? "revoked" : "active");
        expect(isOwnerSuspended(key.standing)).toBe(last.standing === "suspended");
      }),
    );
  });
});

describe("of two orders", () => {
  const [older, newer] = [order(1, "suspended"), order(2, "active")];
  it.each([
    ["the newer one counts, whichever came first", older, newer, newer],
    ["the newer one counts, though the older came later", newer, older, newer],
    ["any counts more than none", null, older, older],
    ["none takes nothing away", older, null, older],
    ["none and none are none", null, null, null],
  ])("%s", (_name, a, b, counts) => {
    expect(newerOrder(a, b)).toBe(counts);
  });
});

describe("an order that came before the key", () => {
  const first = withAwaited(null, "acme", order(1, "suspended"));

  it("waits for it, with its owner", () => {
    expect(awaitedOrder(first, "acme")).toEqual(order(1, "suspended"));
    expect([awaitedOrder(first, "globex"), awaitedOrder(first, null), awaitedOrder(null, "acme")]).toEqual([
      null,
      null,
      null,
    ]);
  });

  it.each([
    ["the same again", order(1, "suspended")],
    ["an older one", order(0, "active")],
  ])("stays when there comes %s, and nothing is to be written", (_name, late) => {
    expect(withAwaited(first, "acme", late)).toBe(first);
  });

  it("gives way to a newer one", () => {
    const second = withAwaited(first, "acme", order(2, "revoked"));
    expect(second).toEqual({ kind: "awaited", ownerOrders: [{ owner: "acme", order: order(2, "revoked") }] });
  });

  it("waits beside that of another owner, for the creation may have been repeated for another", () => {
    let vacancy: Vacancy = withAwaited(first, "globex", order(7, "active"));
    vacancy = withAwaited(vacancy, "acme", order(2, "active"));
    expect(awaitedOrder(vacancy, "acme")).toEqual(order(2, "active"));
    expect(awaitedOrder(vacancy, "globex")).toEqual(order(7, "active"));
  });

  it("does not disturb a tombstone", () => {
    const tombstone: Purged = {
      kind: "purged",
      keyId: aProfile().id,
      owner: "acme",
      sequence: 3,
      creation: null,
    };
    expect(withAwaited(tombstone, "acme", order(9, "revoked"))).toBe(tombstone);
    expect(awaitedOrder(tombstone, "acme")).toBeNull();
  });
});

describe("a rotation while the owner is suspended", () => {
  it("gives no grace that would outlive the suspension: after the owner's resume the old secret is dead", () => {
    const suspended = obey(aKey(), order(1, "suspended"), at(t(1))).key;
    const rotatedKey = rotateWith(suspended, { expectedVersion: null, graceSeconds: 3600 }, SECOND, at(t(2))).key;
    const resumed = obey(rotatedKey, order(2, "active"), at(t(3))).key;
    expect([heard(resumed, FIRST, t(4)), heard(resumed, SECOND, t(4))]).toEqual(["key-rotated", "admitted"]);
  });
});

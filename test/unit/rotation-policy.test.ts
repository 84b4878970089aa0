import { describe, expect, it } from "vitest";
import { admit } from "../../src/key/admit.ts";
import { amend } from "../../src/key/amend.ts";
import { revoke } from "../../src/key/standing.ts";
import type { Key, Secret } from "../../src/key/key.ts";
import { recordOf } from "../../src/key/record.ts";
import { rotateSelf } from "../../src/key/rotate.ts";
import { dueSoonAt, isDueSoon } from "../../src/key/rotation-policy.ts";
import type { EpochMs } from "../../src/key/time.ts";
import {
  aKey,
  aQuota,
  aRequest,
  aRotation,
  at,
  chance,
  FIRST,
  freshly,
  rotateWith,
  SECOND,
  secretOf,
  t,
  THIRD,
} from "../support/a-key.ts";

const DAY = 24 * 3600;

/** One use with a secret; should the policy issue a successor, it is `fresh`. */
function use(key: Key, secret: Secret, now: EpochMs, fresh = SECOND) {
  const { key: next, answer, events } = admit(key, aRequest(secret), now, chance(fresh));
  const heard = answer.admitted
    ? answer.newKey === null
      ? "admitted"
      : "admitted, with a successor"
    : answer.refusal.reason;
  return { key: next, heard, newKey: answer.admitted ? answer.newKey : null, events, answer };
}

/** So many uses with the same secret at one instant, and what they heard. */
function uses(key: Key, times: number, secret = FIRST, now = t(0)) {
  const heard: string[] = [];
  const types: string[] = [];
  let used = key;
  for (let time = 0; time < times; time++) {
    const step = use(used, secret, now);
    used = step.key;
    heard.push(step.heard);
    types.push(...step.events.map(({ type }) => type));
  }
  return { key: used, heard, types };
}

const selfRotated = (key: Key, presented: Secret, fresh: Secret, now: EpochMs) =>
  rotateSelf(key, { presented: presented.digest, ip: null, idempotency: null }, freshly(fresh), at(now));

describe("a secret that must be replaced after 3 uses", () => {
  const key = aKey({ rotation: aRotation({ afterUses: 3 }), quota: aQuota(10, "none") });

  it("is admitted 3 times, and then refused until it is replaced; the refusal spends nothing", () => {
    const spent = uses(key, 5);
    expect(spent.heard).toEqual(["admitted", "admitted", "admitted", "rotation-required", "rotation-required"]);
    expect(spent.key.use.quota!.used).toBe(3);
    const { key: rotated, answer } = selfRotated(spent.key, FIRST, SECOND, t(1));
    expect(answer).toMatchObject({ done: true, retired: { version: 1, validUntil: t(1) } });
    expect(uses(rotated, 4, SECOND, t(1)).heard).toEqual(["admitted", "admitted", "admitted", "rotation-required"]);
  });

  it("says that it is due after everything that concerns its standing, and before all that concerns the request", () => {
    const due = uses(aKey({ rotation: aRotation({ afterUses: 1 }), scopes: ["a"], expiresAt: t(60) }), 1).key;
    const asking = (now: EpochMs) => admit(due, aRequest(FIRST, { scopes: ["b"] }), now, chance()).answer;
    expect(asking(t(59))).toMatchObject({ refusal: { reason: "rotation-required" } });
    expect(asking(t(60))).toMatchObject({ refusal: { reason: "key-expired" } });
  });

  it("counts admissions: no refusal, no dry run, no reading of itself", () => {
    let asked = key;
    for (let time = 0; time < 5; time++) {
      asked = admit(asked, aRequest(FIRST, { dryRun: true }), t(0), chance()).key;
      asked = admit(asked, aRequest(FIRST, { cost: 11 }), t(0), chance()).key;
    }
    expect(uses(asked, 4).heard).toEqual(["admitted", "admitted", "admitted", "rotation-required"]);
  });

  it("is told once, while a use is left", () => {
    expect(uses(key, 1).types).toEqual([]);
    expect(uses(key, 3).types).toEqual(["key.rotation-due-soon"]);
    const { events, key: told } = use(uses(key, 1).key, FIRST, t(0));
    expect(events).toMatchObject([{ sequence: 2, detail: { version: 1, usesLeft: 1, dueAt: null } }]);
    // The record is the same: whoever read it before may change it with If-Match.
    expect(told.standing).toMatchObject({ sequence: 2, revision: 1 });
  });

  it("is told again of its successor", () => {
    const { key: rotated } = selfRotated(uses(key, 3).key, FIRST, SECOND, t(1));
    expect(uses(rotated, 3, SECOND, t(1)).types).toEqual(["key.rotation-due-soon"]);
  });

  it("of many uses is told when a tenth of them is left", () => {
    expect(uses(aKey({ rotation: aRotation({ afterUses: 100 }) }), 89).types).toEqual([]);
    expect(uses(aKey({ rotation: aRotation({ afterUses: 100 }) }), 90).types).toEqual(["key.rotation-due-soon"]);
  });

  it("is kept by no grace: while it is due nothing of the key is admitted", () => {
    const graceful = aKey({ rotation: aRotation({ afterUses: 1, graceSeconds: 600 }) });
    const { key: rotated } = selfRotated(uses(graceful, 1).key, FIRST, SECOND, t(1));
    expect(use(rotated, FIRST, t(2)).heard).toBe("admitted");
    expect(use(use(rotated, SECOND, t(2)).key, FIRST, t(3)).heard).toBe("rotation-required");
  });
});

describe("a secret that must be replaced after a day", () => {
  const key = aKey({ rotation: aRotation({ afterSeconds: DAY }) });

  it("is admitted until the last millisecond of it", () => {
    expect(use(key, FIRST, t(DAY - 0.001)).heard).toBe("admitted");
    expect(use(key, FIRST, t(DAY)).heard).toBe("rotation-required");
    expect(recordOf(key, t(0)).rotationDueAt).toBe(t(DAY));
  });

  it("begins its day anew when it is replaced", () => {
    const { key: rotated } = rotateWith(key, { expectedVersion: null, graceSeconds: 0 }, SECOND, at(t(DAY / 2)));
    expect(use(rotated, SECOND, t(1.5 * DAY - 0.001)).heard).toBe("admitted");
    expect(use(rotated, SECOND, t(1.5 * DAY)).heard).toBe("rotation-required");
    expect(recordOf(rotated, t(DAY)).rotationDueAt).toBe(t(1.5 * DAY));
  });

  it.each([
    ["a day", DAY, 0.9 * DAY],
    ["ten seconds", 10, 9],
    ["a year: a week before", 365 * DAY, 358 * DAY],
    ["a second", 1, 0.9],
  ])("is told when a tenth of it is left: %s", (_name, afterSeconds, soon) => {
    const aged = aKey({ rotation: aRotation({ afterSeconds }) });
    expect(dueSoonAt(aged)).toBe(t(soon));
    expect(uses(aged, 1, FIRST, t(soon - 0.001)).types).toEqual([]);
    expect(uses(aged, 2, FIRST, t(soon)).types).toEqual(["key.rotation-due-soon"]);
  });

  it("is told of no more once the key is revoked", () => {
    const aging = aKey({ rotation: aRotation({ afterSeconds: DAY }) });
    expect(isDueSoon(aging, t(DAY))).toBe(true);
    expect(isDueSoon(revoke(aging, at(t(1))).key, t(DAY))).toBe(false);
  });

  it("is told anew when the rule is changed", () => {
    const told = uses(key, 1, FIRST, t(0.9 * DAY)).key;
    const rule = { rotation: aRotation({ afterSeconds: 10 * DAY }) };
    const later = amend(told, { amendment: rule, expectedRevision: null }, at(t(0.95 * DAY))).key;
    expect(uses(later, 1, FIRST, t(DAY)).types).toEqual([]);
    expect(uses(later, 2, FIRST, t(9 * DAY)).types).toEqual(["key.rotation-due-soon"]);
  });

  it("is due by whichever of two rules comes first", () => {
    const both = aKey({ rotation: aRotation({ afterSeconds: DAY, afterUses: 2 }) });
    expect(uses(both, 3).heard).toEqual(["admitted", "admitted", "rotation-required"]);
    expect(use(both, FIRST, t(DAY)).heard).toBe("rotation-required");
  });
});

describe("a successor that is issued with the third use", () => {
  const key = aKey({
    rotation: aRotation({ afterUses: 3, mode: "issue", graceSeconds: 60 }),
    quota: aQuota(50, "none"),
  });
  const issued = uses(key, 3).key;

  it("comes with that use and no other, and the old secret goes on in its grace", () => {
    const { heard, types, key: after } = uses(key, 6);
    expect(heard).toEqual(["admitted", "admitted", "admitted, with a successor", "admitted", "admitted", "admitted"]);
    expect(types).toEqual(["key.rotation-due-soon", "key.rotated"]);
    expect(after.standing).toMatchObject({ version: 2, secret: SECOND, retired: [{ version: 1, validUntil: t(60) }] });
    expect(after.use).toMatchObject({ admitted: 6, quota: { used: 6 } });
  });

  it("is admitted at once, beside the old secret, which ends with its grace", () => {
    expect(use(issued, SECOND, t(0)).heard).toBe("admitted");
    expect(use(issued, FIRST, t(59.999)).heard).toBe("admitted");
    expect(use(issued, FIRST, t(60)).heard).toBe("key-rotated");
  });

  it("counts its own uses: a secret in its grace counts for nothing and never receives one", () => {
    const mixed = uses(use(uses(issued, 9).key, SECOND, t(0)).key, 9).key;
    const second = use(mixed, SECOND, t(1));
    expect(second.heard).toBe("admitted");
    expect(use(second.key, SECOND, t(1), THIRD)).toMatchObject({
      heard: "admitted, with a successor",
      newKey: "credential …hird",
    });
  });

  it("is minted by no refusal and no dry run", () => {
    const due = uses(key, 2).key;
    for (const request of [{ dryRun: true }, { cost: 49 }]) {
      const { key: asked, answer } = admit(due, aRequest(FIRST, request), t(0), {
        ...chance(),
        mint: () => {
          throw new Error("minted");
        },
      });
      expect([asked, "newKey" in answer && answer.newKey]).toEqual([due, request.dryRun ? null : false]);
    }
  });

  it("is in no event, and in no part of the key but by its digest", () => {
    const { events, key: after, newKey } = use(uses(key, 2).key, FIRST, t(0));
    expect(newKey).toBe("credential …cond");
    expect(JSON.stringify([events, { ...after, reservations: [] }])).not.toContain(newKey);
  });

  it("that was lost is repaired by the old secret within its grace, as long as no later one was ever used", () => {
    const repaired = selfRotated(issued, FIRST, THIRD, t(30));
    expect(repaired.answer).toMatchObject({ done: true, credential: "credential …hird" });
    expect(use(repaired.key, THIRD, t(30)).heard).toBe("admitted");
    // And once more, if that answer was lost as well.
    const again = selfRotated(repaired.key, FIRST, secretOf("fourth"), t(40));
    expect(again.answer).toMatchObject({ done: true });
    expect(again.key.standing.version).toBe(4);
  });

  it("that arrived and was used takes that right from the old secret for good", () => {
    const used = use(issued, SECOND, t(1)).key;
    const refused = { done: false, refusal: { reason: "key-rotated" } };
    expect(selfRotated(used, FIRST, THIRD, t(2)).answer).toEqual(refused);
    // Also when the successor has itself been replaced, by a secret that was never used yet.
    const twice = rotateWith(used, { expectedVersion: null, graceSeconds: 3600 }, THIRD, at(t(3))).key;
    expect(use(twice, FIRST, t(4)).heard).toBe("admitted");
    expect(selfRotated(twice, FIRST, secretOf("a thief's"), t(4)).answer).toEqual(refused);
    expect(selfRotated(twice, SECOND, secretOf("the holder's"), t(4)).answer).toMatchObject({ done: true });
  });

  it("that was used only in its own grace takes it too", () => {
    const passedOn = rotateWith(issued, { expectedVersion: null, graceSeconds: 3600 }, THIRD, at(t(1))).key;
    const used = use(passedOn, SECOND, t(2)).key;
    expect(selfRotated(used, FIRST, secretOf("a thief's"), t(3)).answer).toMatchObject({ done: false });
    expect(selfRotated(passedOn, FIRST, secretOf("fourth"), t(3)).answer).toMatchObject({ done: true });
  });

  it("gives no secret a longer life than the key's", () => {
    const ending = aKey({ rotation: aRotation({ afterUses: 1, mode: "issue", graceSeconds: 3600 }), expiresAt: t(10) });
    expect(uses(ending, 1).key.standing.retired[0]!.validUntil).toBe(t(10));
  });

  it("goes to the holder of the newest secret only, however long that one is overdue", () => {
    const aging = aKey({ rotation: aRotation({ afterSeconds: 10, mode: "issue", graceSeconds: 60 }) });
    const { key: after } = use(aging, FIRST, t(10));
    expect(use(after, FIRST, t(30), THIRD).heard).toBe("admitted");
    expect(use(after, SECOND, t(30), THIRD).heard).toBe("admitted, with a successor");
  });

  it("comes by age with the first use that is late enough", () => {
    const aged = aKey({ rotation: aRotation({ afterSeconds: DAY, mode: "issue", graceSeconds: 60 }) });
    expect(use(aged, FIRST, t(DAY - 0.001)).heard).toBe("admitted");
    const { heard, key: after } = use(aged, FIRST, t(3 * DAY));
    expect(heard).toBe("admitted, with a successor");
    expect(use(after, FIRST, t(3 * DAY)).heard).toBe("admitted");
    expect(use(after, SECOND, t(4 * DAY), THIRD).heard).toBe("admitted, with a successor");
  });
});

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amend } from "../../src/key/amend.ts";
import { endRest, restMayEndAt } from "../../src/key/end-rest.ts";
import { isBeyondLifetime } from "../../src/key/lifetime.ts";
import { statusOf, type Key, type Profile } from "../../src/key/key.ts";
import { rotateSelf } from "../../src/key/rotate.ts";
import { epochMs, rfc3339, type EpochMs } from "../../src/key/time.ts";
import { admitWith, aKey, aRequest, at, FIRST, freshly, rotateWith, SECOND, t } from "../support/a-key.ts";

const HOUR = 3600;
const DAY = 24 * HOUR;

/** A session of so many seconds, perhaps with a cap. */
const aSession = (lifetimeSeconds: number, profile: Partial<Profile> = {}): Key =>
  aKey({ kind: "session", lifetimeSeconds, expiresAt: t(lifetimeSeconds), ...profile });

/** The key after uses at these instants, and what each of them heard. */
function use(key: Key, ...instants: readonly EpochMs[]) {
  let used = key;
  const types: string[] = [];
  const heard = instants.map((now) => {
    const { key: next, answer, events } = admitWith(used, aRequest(), now);
    used = next;
    types.push(...events.map(({ type }) => type));
    return answer.admitted ? "admitted" : answer.refusal.reason;
  });
  return { key: used, heard, types };
}

const endOf = (key: Key): number | null =>
  key.standing.expiresAt === null ? null : (key.standing.expiresAt - t(0)) / 1000;

describe("a token's end is fixed", () => {
  const token = aKey({ lifetimeSeconds: 60, expiresAt: t(60) });

  it("no use moves it, from the first to the last millisecond", () => {
    const { key, heard } = use(token, t(0), t(59), t(59.999), t(60), t(61));
    expect(heard).toEqual(["admitted", "admitted", "admitted", "key-expired", "key-expired"]);
    expect(endOf(key)).toBe(60);
  });

  it.each([7, 30, 90, 365])("not with a life of %i days, whenever it is used", (days) => {
    const life = days * DAY;
    const key = aKey({ lifetimeSeconds: life, expiresAt: t(life) });
    const hourly = Array.from({ length: 50 }, (_, nth) => t((life * nth) / 50));
    expect(endOf(use(key, ...hourly).key)).toBe(life);
    expect(use(key, t(life - 0.001), t(life)).heard).toEqual(["admitted", "key-expired"]);
  });

  it("no rotation moves it, and no grace outlives it", () => {
    const { key, answer } = rotateWith(token, { expectedVersion: null, graceSeconds: 3600 }, SECOND, at(t(30)));
    expect(endOf(key)).toBe(60);
    expect(answer).toMatchObject({ retired: { validUntil: t(60) } });
  });

  it("no rotation by the key itself moves it", () => {
    const command = { presented: FIRST.digest, ip: null, idempotency: null };
    expect(endOf(rotateSelf(token, command, freshly(SECOND), at(t(59.999))).key)).toBe(60);
    expect(rotateSelf(token, command, freshly(SECOND), at(t(60))).answer).toMatchObject({
      done: false,
      refusal: { reason: "key-expired" },
    });
  });

  it("an amendment moves it, and that is an event", () => {
    const { key, events } = amend(token, { amendment: { expiresAt: t(600) }, expectedRevision: null }, at(t(30)));
    expect(endOf(key)).toBe(600);
    expect(events).toMatchObject([{ type: "key.amended", detail: { expiresAt: { before: t(60), after: t(600) } } }]);
  });

  it("a clock that steps back does not revive it", () => {
    // The object's clock never goes back: `newest` is what it wakes with.
    const { key } = use(token, t(59));
    expect(key.use.newest).toBe(t(59));
  });
});

describe("a session of a day", () => {
  it.each([
    ["does not slide while less than an hour of its life is gone", [HOUR - 0.001], DAY],
    ["slides when exactly an hour is gone", [HOUR], DAY + HOUR],
    ["slides to a whole life from the use", [5 * HOUR], DAY + 5 * HOUR],
    ["slides at most once an hour", [HOUR, HOUR + 1, 2 * HOUR - 0.001], DAY + HOUR],
    ["slides again when another hour is gone", [HOUR, 2 * HOUR], DAY + 2 * HOUR],
    ["slides in its last millisecond", [DAY - 0.001], 2 * DAY - 0.001],
    ["does not slide at its end", [DAY], DAY],
  ])("%s", (_name, uses, end) => {
    expect(endOf(use(aSession(DAY), ...uses.map(t)).key)).toBe(end);
  });

  it("says so: an event, another revision, and the new end to whoever asked", () => {
    const { key, answer, events } = admitWith(aSession(DAY), aRequest(), t(2 * HOUR));
    expect(events).toMatchObject([
      { type: "key.slid", sequence: 2, detail: { expiresAt: { after: rfc3339(t(DAY + 2 * HOUR)) } } },
    ]);
    expect(key.standing).toMatchObject({ revision: 2, sequence: 2 });
    expect(answer.identity!.details!.expiresAt).toBe(t(DAY + 2 * HOUR));
  });

  it("slides by nothing but an admission: not by a dry run, not by a refusal", () => {
    const key = aSession(DAY, { scopes: ["a"] });
    for (const request of [{ dryRun: true }, { scopes: ["b"] }]) {
      expect(admitWith(key, aRequest(FIRST, request), t(2 * HOUR)).key).toBe(key);
    }
  });

  it("does not slide by a rotation, and goes on sliding after it", () => {
    const { key } = rotateWith(aSession(DAY), { expectedVersion: null, graceSeconds: 0 }, SECOND, at(t(2 * HOUR)));
    expect(endOf(key)).toBe(DAY);
    expect(endOf(admitWith(key, aRequest(SECOND), t(2 * HOUR)).key)).toBe(DAY + 2 * HOUR);
  });

  it("never slides past its cap, reaches it, and then stays", () => {
    const capped = aSession(DAY, { maxLifetimeSeconds: DAY + 90 * 60 });
    expect(endOf(use(capped, t(HOUR)).key)).toBe(DAY + HOUR);
    const { key, types } = use(capped, t(HOUR), t(2 * HOUR), t(3 * HOUR), t(20 * HOUR));
    expect(endOf(key)).toBe(DAY + 90 * 60);
    expect(types).toEqual(["key.slid", "key.slid"]);
    expect(use(key, t(DAY + 90 * 60 - 0.001), t(DAY + 90 * 60)).heard).toEqual(["admitted", "key-expired"]);
  });

  it("with a cap of its own life does not slide at all", () => {
    expect(use(aSession(DAY, { maxLifetimeSeconds: DAY }), t(20 * HOUR)).types).toEqual([]);
  });

  it.each([
    ["sooner", t(3 * HOUR), t(2.5 * HOUR)],
    ["later", t(40 * DAY), t(39.5 * DAY)],
    ["never", null, t(39.5 * DAY)],
  ])("keeps an end that somebody has set by hand, %s: a use must not undo it", (_name, expiresAt, later) => {
    const { key } = amend(aSession(DAY), { amendment: { expiresAt }, expectedRevision: null }, at(t(2 * HOUR)));
    const used = use(key, t(2 * HOUR), later);
    expect(used.heard).toEqual(["admitted", "admitted"]);
    expect(used.key.standing.expiresAt).toBe(expiresAt);
  });

  it("over any uses slides at most once an hour, never shrinks, never passes its cap, and ends when unused for a life", () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 9 * HOUR * 1000 }), { maxLength: 40 });
    const life = fc.integer({ min: HOUR + 1, max: 12 * HOUR });
    const cap = fc.option(fc.integer({ min: 12 * HOUR, max: 48 * HOUR }));
    fc.assert(
      fc.property(pauses, life, cap, (steps, lifetimeSeconds, maxLifetimeSeconds) => {
        let key = aSession(lifetimeSeconds, { maxLifetimeSeconds });
        let now = t(0);
        // Said again in other words: the end, and when it was last moved.
        let end = now + lifetimeSeconds * 1000;
        let moved = now;
        for (const pause of steps) {
          now = epochMs(now + pause);
          const { key: next, answer } = admitWith(key, aRequest(), now);
          expect(answer.admitted).toBe(now < end);
          if (!answer.admitted) break;
          const limit = t(0) + (maxLifetimeSeconds ?? Infinity) * 1000;
          if (now - moved >= HOUR * 1000 && end < limit) {
            end = Math.min(now + lifetimeSeconds * 1000, limit);
            moved = now;
          }
          expect(next.standing.expiresAt).toBe(end);
          key = next;
        }
      }),
    );
  });
});

describe("a key whose end somebody has set", () => {
  const capped = aSession(DAY, { maxLifetimeSeconds: 3 * DAY });
  const token = aKey({ lifetimeSeconds: 60, expiresAt: t(60) });
  it.each<[string, Key, EpochMs | null, boolean]>([
    ["to that of its lifetime", token, t(60), false],
    ["to a millisecond later", token, t(60.001), true],
    ["sooner", token, t(30), false],
    ["to never", token, null, true],
    ["a session's, to that of its first life", aSession(DAY), t(DAY), false],
    ["a session's, to a millisecond later", aSession(DAY), t(DAY + 0.001), true],
    ["a session's, to its cap", capped, t(3 * DAY), false],
    ["a session's, to a millisecond after its cap", capped, t(3 * DAY + 0.001), true],
    ["a session's with a cap, to never", capped, null, true],
    ["which has no lifetime", aKey({ expiresAt: t(60) }), t(600), false],
  ])("lives beyond its lifetime or does not: %s", (_name, key, expiresAt, beyond) => {
    const moved = amend(
      amend(key, { amendment: { expiresAt: t(5) }, expectedRevision: null }, at(t(1))).key,
      {
        amendment: { expiresAt },
        expectedRevision: null,
      },
      at(t(2)),
    ).key;
    expect([isBeyondLifetime(key), isBeyondLifetime(moved)]).toEqual([false, beyond]);
  });

  it("is not one that has slid, however far", () => {
    const { key } = use(aSession(DAY), t(20 * HOUR), t(40 * HOUR));
    expect([endOf(key), isBeyondLifetime(key)]).toEqual([DAY + 40 * HOUR, false]);
  });
});

describe("a key that ends when it rests for an hour", () => {
  const key = aKey({ idleSeconds: HOUR });

  it.each([
    ["lives for an hour from its creation, and not a millisecond longer", [HOUR - 0.001], "admitted"],
    ["has ended when the hour is over", [HOUR], "key-expired"],
    ["lives on as long as it is used in time", [HOUR - 1, 2 * HOUR - 2, 3 * HOUR - 3], "admitted"],
    ["ends an hour after its last use", [HOUR - 1, 2 * HOUR - 1], "key-expired"],
  ])("%s", (_name, uses, last) => {
    expect(use(key, ...uses.map(t)).heard.at(-1)).toBe(last);
  });

  it("does not live past its fixed end, however busy it is", () => {
    const both = aKey({ idleSeconds: HOUR, expiresAt: t(90 * 60) });
    expect(use(both, t(HOUR - 1), t(90 * 60 - 0.001), t(90 * 60)).heard).toEqual([
      "admitted",
      "admitted",
      "key-expired",
    ]);
  });

  it("is not kept awake by a refusal or a dry run", () => {
    const bound = aKey({ idleSeconds: HOUR, scopes: ["a"] });
    for (const request of [{ dryRun: true }, { scopes: ["b"] }]) {
      const { key: asked } = admitWith(bound, aRequest(FIRST, request), t(HOUR - 1));
      expect(use(asked, t(HOUR)).heard).toEqual(["key-expired"]);
    }
  });

  it("has its end written down once it has come, not before, and only if that is why it ended", () => {
    expect(endRest(key, at(t(HOUR - 0.001)))).toBeNull();
    const step = endRest(key, at(t(HOUR)))!;
    expect(step.events).toMatchObject([
      {
        type: "key.idle-expired",
        detail: {
          expiresAt: { before: null, after: rfc3339(t(HOUR)) },
        },
      },
    ]);
    expect(step.key.standing).toMatchObject({ expiresAt: t(HOUR), revision: 2 });
    expect(statusOf(step.key, t(HOUR))).toBe("expired");
    expect(endRest(step.key, at(t(9 * HOUR)))).toBeNull();
    expect(endRest(aKey({ idleSeconds: HOUR, expiresAt: t(60) }), at(t(9 * HOUR)))).toBeNull();
    expect(endRest(aKey(), at(t(9 * HOUR)))).toBeNull();
    expect([restMayEndAt(key), restMayEndAt(step.key)]).toEqual([t(HOUR), null]);
  });

  it.each([
    ["written down", true],
    ["not written down yet", false],
  ])(
    "is revived by a later end, for another hour, and with it no secret that was in its grace: %s",
    (_name, written) => {
      const rotated = rotateWith(key, { expectedVersion: null, graceSeconds: 30 * DAY }, SECOND, at(t(1))).key;
      const ended = written ? endRest(rotated, at(t(HOUR)))!.key : rotated;
      const { key: revived } = amend(
        ended,
        { amendment: { expiresAt: t(9 * DAY) }, expectedRevision: null },
        at(t(DAY)),
      );
      expect(admitWith(revived, aRequest(FIRST), t(DAY)).answer).toMatchObject({ refusal: { reason: "key-rotated" } });
      expect(admitWith(revived, aRequest(SECOND), t(DAY + HOUR - 0.001)).answer.admitted).toBe(true);
      expect(admitWith(revived, aRequest(SECOND), t(DAY + HOUR)).answer.admitted).toBe(false);
    },
  );

  it("is not revived by an amendment of anything else", () => {
    const { key: renamed } = amend(key, { amendment: { name: "new" }, expectedRevision: null }, at(t(DAY)));
    expect(use(renamed, t(DAY)).heard).toEqual(["key-expired"]);
  });
});

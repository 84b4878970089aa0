/* oxlint-disable vitest/no-conditional-expect -- what is expected depends on which moves the property came up with */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { admit } from "../../src/key/admit.ts";
import { amend } from "../../src/key/amend.ts";
import { credit } from "../../src/key/credit.ts";
import { allowanceOf } from "../../src/key/allowance.ts";
import { revoke } from "../../src/key/standing.ts";
import type { Key, Profile } from "../../src/key/key.ts";
import { countOpen, keyIdOfReservation, nextTimeout, type ReservationId } from "../../src/key/reservation.ts";
import { closeExpired, settle } from "../../src/key/settle.ts";
import { after, epochMs, type EpochMs } from "../../src/key/time.ts";
import { dice } from "../support/dice.ts";
import { aKey, aQuota, aRequest, at, aWindow, chance, FIRST, t } from "../support/a-key.ts";

const DAY = 24 * 3600;

/** Random bytes that differ from one call to the next. */
const roll = dice(1);
const random = (bytes: Uint8Array<ArrayBuffer>) => bytes.map(() => roll.below(256));

/** Holds units; what it was told if it could not. */
function hold(key: Key, units: number, now: EpochMs = t(0)) {
  const { key: next, answer } = admit(key, aRequest(FIRST, { cost: units, reserve: true }), now, {
    ...chance(),
    random,
  });
  if (!answer.admitted) return { key: next, id: null, refusal: answer.refusal };
  return { key: next, id: answer.reservation!.id, refusal: null };
}

const left = (key: Key, now: EpochMs) => allowanceOf(key, now).quota!.remaining;

const settled = (key: Key, id: ReservationId | null, used: number, now: EpochMs) => {
  const { key: next, answer } = settle(key, id!, used, now);
  return { key: next, told: answer.done ? answer.reservation.closed! : answer.because };
};

const holding = (profile: Partial<Profile> = {}) => hold(aKey({ quota: aQuota(100), ...profile }), 40);

describe("units that are held", () => {
  it("count as used from the moment on, and name the key they belong to", () => {
    const { key, id } = holding();
    expect(left(key, t(0))).toBe(60);
    expect(key.use).toMatchObject({ units: 40, admitted: 1 });
    expect(keyIdOfReservation(id!)).toBe(key.profile.id);
    expect(key.reservations.get(id!)).toMatchObject({ units: 40, openedAt: t(0), expiresAt: t(300), closed: null });
    expect(hold(key, 61).refusal).toEqual({ reason: "quota-exceeded", retryAt: t(DAY) });
    expect(hold(key, 60).refusal).toBeNull();
  });

  it.each([
    ["less than was held", 15, 85, { charged: 15, overrun: 0 }],
    ["nothing", 0, 100, { charged: 0, overrun: 0 }],
    ["all of it", 40, 60, { charged: 40, overrun: 0 }],
    ["more, and there is room", 90, 10, { charged: 90, overrun: 0 }],
    ["more than there is: never beyond the quota, and the rest is said", 130, 0, { charged: 100, overrun: 30 }],
  ])("are settled with %s", (_name, used, remaining, closing) => {
    const { key, id } = holding();
    const { key: next, told } = settled(key, id, used, t(10));
    expect(told).toEqual({ at: t(10), used, ...closing });
    expect(left(next, t(10))).toBe(remaining);
    expect(next.use.units).toBe(closing.charged);
  });

  it("are given back once: the same again is told the same, anything else is a conflict", () => {
    const { key, id } = holding();
    const once = settled(key, id, 15, t(10));
    const twice = settled(once.key, id, 15, t(99));
    expect(twice.told).toEqual(once.told);
    expect(twice.key).toBe(once.key);
    expect(settled(once.key, id, 16, t(99))).toEqual({ key: once.key, told: "conflict" });
  });

  it("are settled in any standing of the key: the work has been done", () => {
    const { key, id } = holding({ expiresAt: t(5) } as Partial<Profile>);
    const revoked = revoke(key, at(t(6))).key;
    expect(settled(revoked, id, 15, t(10)).told).toMatchObject({ charged: 15 });
  });

  it("of another key, or of nobody, are not found", () => {
    const { key } = holding();
    expect(settled(key, "res_0000000000000000_0000000000000000" as ReservationId, 1, t(1)).told).toBe("not-found");
    for (const text of [
      "",
      "res_",
      "key_0000000000000000",
      "res_000000000000000_0000000000000000",
      "RES_0000000000000000_0000000000000000",
    ]) {
      expect(keyIdOfReservation(text)).toBeNull();
    }
  });

  it("of nothing hold a place for a use that is known later", () => {
    const { key, id } = hold(aKey({ quota: aQuota(100) }), 0);
    expect(left(settled(key, id, 7, t(1)).key, t(1))).toBe(93);
  });

  it("take from a rate limit that counts costs what is held, and nothing comes back to it", () => {
    const pace = { ...aWindow(50, 3600), unit: "cost" } as const;
    const { key, id } = holding({ rateLimits: [pace] });
    const { key: next } = settled(key, id, 1, t(1));
    expect(allowanceOf(next, t(1)).rateLimits[0]!.remaining).toBe(10);
  });

  it("without a quota are counted, and charged whatever is said", () => {
    const { key, id } = holding({ quota: null });
    expect(settled(key, id, 1_000_000, t(1))).toMatchObject({
      told: { charged: 1_000_000, overrun: 0 },
      key: { use: { units: 1_000_000 } },
    });
  });

  it("cannot be held for a dry run", () => {
    const { answer, key } = admit(aKey(), aRequest(FIRST, { reserve: true, dryRun: true }), t(0), chance());
    expect([answer.admitted && answer.reservation, key.reservations.size]).toEqual([null, 0]);
  });
});

describe("units that nobody settles in time", () => {
  it.each([
    ["charge", 60, 40],
    ["release", 100, 0],
  ] as const)("are dealt with as the policy says: %s", (onReservationTimeout, remaining, charged) => {
    const { key, id } = holding({ onReservationTimeout, reserveSeconds: 10 });
    expect(nextTimeout(key.reservations)).toBe(t(10));
    expect(closeExpired(key, t(9.999))).toBe(key);
    const closed = closeExpired(key, t(10));
    expect(left(closed, t(10))).toBe(remaining);
    expect(closed.use.units).toBe(charged);
    expect(closed.reservations.get(id!)!.closed).toEqual({ at: t(10), used: null, charged, overrun: 0 });
    expect(nextTimeout(closed.reservations)).toBeNull();
  });

  it("cannot be settled any more: they were charged, and a late word changes nothing", () => {
    const { key, id } = holding({ reserveSeconds: 10 });
    const closed = closeExpired(key, t(10));
    expect(settled(closed, id, 40, t(11))).toEqual({ key: closed, told: "conflict" });
    expect(settled(closed, id, 15, t(11))).toEqual({ key: closed, told: "conflict" });
  });

  it("end as of their own instant, however late that is noticed", () => {
    const carrying = {
      quota: aQuota(100, "day", { refill: "add", cap: 1000 }),
      reserveSeconds: 10,
      onReservationTimeout: "release",
    } as const;
    const { key } = hold(aKey(carrying), 40);
    // Released in time, they are left over on the first day; a day late they still are.
    expect(left(closeExpired(key, t(10)), t(DAY))).toBe(200);
    expect(left(closeExpired(key, t(DAY)), t(DAY))).toBe(200);
  });
});

describe("a refund of a past period never enters the present one", () => {
  it.each(["day", "hour", "month", { everySeconds: 60, anchor: t(0) }] as const)("%o", (period) => {
    const { key, id } = hold(aKey({ quota: aQuota(100, period), reserveSeconds: DAY }), 40);
    const nextPeriod = allowanceOf(key, t(0)).quota!.resetsAt!;
    const before = settled(key, id, 15, epochMs(nextPeriod - 1));
    expect(left(before.key, epochMs(nextPeriod - 1))).toBe(85);
    const { key: next, told } = settled(key, id, 15, nextPeriod);
    expect(told).toMatchObject({ charged: 15, overrun: 0 });
    expect(left(next, nextPeriod)).toBe(100);
  });

  it("nor does an excess: it could not be charged, and is said so", () => {
    const { key, id } = hold(aKey({ quota: aQuota(100), reserveSeconds: DAY }), 40, t(DAY - 1));
    const { key: next, told } = settled(key, id, 55, t(DAY));
    expect(told).toMatchObject({ charged: 40, overrun: 15 });
    expect(left(next, t(DAY))).toBe(100);
  });

  it("of a balance there is but one", () => {
    const { key, id } = hold(aKey({ quota: aQuota(100, "none"), reserveSeconds: DAY }), 40);
    expect(left(settled(key, id, 15, t(DAY - 1)).key, t(DAY))).toBe(85);
  });

  it("nor that of a quota which is not the same any more, even if it is put back", () => {
    const { key, id } = holding();
    const monthly = amend(key, { amendment: { quota: aQuota(100, "month") }, expectedRevision: null }, at(t(1))).key;
    const daily = amend(monthly, { amendment: { quota: aQuota(100) }, expectedRevision: null }, at(t(2))).key;
    for (const amended of [monthly, daily]) {
      const { key: next, told } = settled(amended, id, 15, t(3));
      expect(told).toMatchObject({ charged: 15 });
      expect(left(next, t(3))).toBe(100);
    }
  });

  it("but does enter the one it was held in after its limit was changed, or credits were added", () => {
    const { key, id } = holding();
    const raised = amend(key, { amendment: { quota: aQuota(200) }, expectedRevision: null }, at(t(1))).key;
    expect(left(settled(raised, id, 15, t(2)).key, t(2))).toBe(185);
    const balance = hold(aKey({ quota: aQuota(100, "none") }), 40);
    const credited = credit(balance.key, { credit: { add: 10 }, expectedRevision: null }, at(t(1))).key;
    expect(left(settled(credited, balance.id, 15, t(2)).key, t(2))).toBe(95);
  });
});

describe("of too many reservations", () => {
  const full = (() => {
    let key = aKey({ quota: aQuota(1_000_000) });
    const ids: ReservationId[] = [];
    for (let n = 0; n < 1_000; n++) {
      const held = hold(key, 1, after(t(0), n));
      key = held.key;
      ids.push(held.id!);
    }
    return { key, ids };
  })();

  it("1,000 are open at once, and the next has to wait for the first to end; it costs nothing", () => {
    const refused = hold(full.key, 1, t(1));
    expect(refused.refusal).toEqual({ reason: "rate-limited", limit: "reservations", retryAt: t(300) });
    expect(refused.key).toBe(full.key);
    expect(admit(full.key, aRequest(), t(1), chance()).answer.admitted).toBe(true);
    expect(hold(settled(full.key, full.ids[500]!, 1, t(1)).key, 1, t(1)).refusal).toBeNull();
    expect(hold(closeExpired(full.key, t(300)), 1, t(300)).refusal).toBeNull();
  });

  it("the 1,000 that were closed last are remembered, however long they had been open", () => {
    // The first of them stays open while 1,001 later ones come and go.
    let key = settled(full.key, full.ids[1]!, 1, t(1)).key;
    for (const id of full.ids.slice(2)) key = settled(key, id, 1, t(2)).key;
    for (let n = 0; n < 2; n++) {
      const held = hold(key, 1, t(3));
      key = settled(held.key, held.id, 1, t(3)).key;
    }
    const last = settled(key, full.ids[0]!, 1, t(4));
    expect(settled(last.key, full.ids[0]!, 1, t(5))).toEqual({ key: last.key, told: last.told });
    expect(settled(last.key, full.ids[1]!, 1, t(5)).told).toBe("not-found");
    expect([last.key.reservations.size, countOpen(last.key.reservations)]).toEqual([1_000, 0]);
  });

  it("all that time out together are closed together", () => {
    const closed = closeExpired(full.key, t(400));
    expect(countOpen(closed.reservations)).toBe(0);
    expect(left(closed, t(400))).toBe(999_000);
  });
});

it("loses no unit and gives none away, over any order of uses, holds, settlements, time-outs, credits and amendments", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant("use" as const), units: fc.nat(12) }),
    fc.record({ do: fc.constant("hold" as const), units: fc.nat(12) }),
    fc.record({ do: fc.constant("settle" as const), which: fc.nat(6), used: fc.nat(16) }),
    fc.record({ do: fc.constant("credit" as const), add: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ do: fc.constant("limit" as const), limit: fc.integer({ min: 1, max: 60 }) }),
  );
  const pause = fc.constantFrom(0, 0, 0, 1, 2, 5, 30);
  const steps = fc.array(fc.tuple(pause, step), { maxLength: 50 });
  fc.assert(
    fc.property(
      steps,
      fc.constantFrom("none", "hour"),
      fc.constantFrom("charge", "release"),
      (moves, period, policy) => {
        let key = aKey({ quota: aQuota(30, period), reserveSeconds: 300, onReservationTimeout: policy });
        // Said again in other words: a purse for each period, and slips that say how much was set aside out of which.
        const purses = new Map<number, number>();
        let limit = 30;
        let units = 0;
        const slips: { id: ReservationId; units: number; purse: number; until: number; answer: object | null }[] = [];
        let now = t(0);
        const purseAt = (instant: number): number => (period === "none" ? 0 : Math.floor(instant / 3_600_000));
        const spent = () => purses.get(purseAt(now)) ?? 0;

        for (const [minutes, move] of moves) {
          now = after(now, minutes * 60_000);
          for (const slip of slips.filter(({ answer, until }) => answer === null && until <= now)) {
            slip.answer = {};
            if (policy === "charge") continue;
            purses.set(slip.purse, purses.get(slip.purse)! - slip.units);
            units -= slip.units;
          }
          key = closeExpired(key, now);
          const free = Math.max(0, limit - spent());
          switch (move.do) {
            case "use":
            case "hold": {
              const reserve = move.do === "hold";
              const request = aRequest(FIRST, { cost: move.units, reserve });
              const { key: next, answer } = admit(key, request, now, { ...chance(), random });
              expect(answer.admitted, `${move.units} of ${free}`).toBe(move.units <= free);
              if (!answer.admitted) break;
              purses.set(purseAt(now), spent() + move.units);
              units += move.units;
              if (reserve) {
                const until = now + 300_000;
                slips.push({ id: answer.reservation!.id, units: move.units, purse: purseAt(now), until, answer: null });
              }
              key = next;
              break;
            }
            case "settle": {
              const slip = slips[move.which];
              if (slip === undefined) break;
              const { key: next, told } = settled(key, slip.id, move.used, now);
              if (slip.answer !== null) {
                expect(next, "a second settlement changed something").toBe(key);
                break;
              }
              const room = slip.purse === purseAt(now) ? free : 0;
              const charged = Math.min(move.used, slip.units + room);
              expect(told).toMatchObject({ charged, overrun: move.used - charged });
              slip.answer = {};
              purses.set(slip.purse, purses.get(slip.purse)! - slip.units + charged);
              units += charged - slip.units;
              key = next;
              break;
            }
            case "credit": {
              const { key: next, answer } = credit(key, { credit: { add: move.add }, expectedRevision: null }, at(now));
              expect(answer.done).toBe(period === "none");
              if (answer.done) limit = spent() + free + move.add;
              key = next;
              break;
            }
            case "limit":
              limit = move.limit;
              key = amend(key, { amendment: { quota: aQuota(limit, period) }, expectedRevision: null }, at(now)).key;
          }
          expect(left(key, now)).toBe(Math.max(0, limit - spent()));
          expect(key.use.units).toBe(units);
        }
      },
    ),
    { numRuns: 500 },
  );
});

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { noteClient, type Client } from "../../src/key/client.ts";
import type { Key } from "../../src/key/key.ts";
import {
  endOfMinute,
  mergeRefusals,
  noteRefusal,
  refusalDetail,
  type RefusalCount,
} from "../../src/key/refusal-count.ts";
import type { ReservationId } from "../../src/key/reservation.ts";
import { closeExpired, settle } from "../../src/key/settle.ts";
import { after, epochMs, type EpochMs } from "../../src/key/time.ts";
import { countAdmission, countRefusals, hourOf, OTHER_ROUTES, type HourUse } from "../../src/key/usage.ts";
import { admit } from "../../src/key/admit.ts";
import { aKey, aQuota, aRequest, freshly, SECOND, t } from "../support/a-key.ts";

const HOUR_S = 3600;

/** The hours that a key goes through, as the state of its object collects them: whenever another one begins. */
class Hours {
  readonly over: HourUse[] = [];
  key: Key;

  constructor(key: Key) {
    this.key = key;
  }

  move(next: Key): void {
    const { hour } = this.key.use;
    if (hour !== null && next.use.hour?.start !== hour.start) this.over.push(hour);
    this.key = next;
  }

  get all(): readonly HourUse[] {
    return this.key.use.hour === null ? this.over : [...this.over, this.key.use.hour];
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

describe("the hours of a key", () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("admit" as const), cost: fc.nat(5), hold: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("settle" as const), which: fc.nat(9), used: fc.nat(12) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant("wait" as const), seconds: fc.integer({ min: -60, max: 9000 }) }),
    },
  );

  it("add up to its counters, whatever is held, settled and timed out in between", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        fc.constantFrom("charge" as const, "release" as const),
        (steps, end) => {
          const hours = new Hours(
            aKey({ quota: aQuota(1000, "hour"), onReservationTimeout: end, reserveSeconds: 4000 }),
          );
          const held: ReservationId[] = [];
          let now = t(0);
          let bytes = 0;
          const chance = {
            mint: () => freshly(SECOND),
            random: (into: Uint8Array) => into.fill(0).map(() => (bytes = (bytes + 41) % 251)),
          };
          for (const move of steps) {
            if (move.do === "wait") now = epochMs(Math.max(now, after(now, move.seconds * 1000)));
            else if (move.do === "close") hours.move(closeExpired(hours.key, now));
            else if (move.do === "settle") {
              const id = held[move.which];
              if (id !== undefined) hours.move(settle(hours.key, id, move.used, now).key);
            } else {
              const { key, answer } = admit(
                hours.key,
                aRequest(undefined, { cost: move.cost, reserve: move.hold }),
                now,
                chance,
              );
              hours.move(key);
              if (answer.admitted && answer.reservation !== null) held.push(answer.reservation.id);
            }
          }
          const { admitted, units } = hours.key.use;
          expect(sum(hours.all.map((hour) => hour.admitted))).toBe(admitted);
          expect(sum(hours.all.map((hour) => hour.units))).toBe(units);
          const starts = hours.all.map(({ start }) => start);
          expect(starts).toEqual([...new Set(starts)].toSorted((a, b) => a - b));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("begin at the full hour of UTC; what happens in one is counted in that one", () => {
    const first = countAdmission(null, 3, "/v1/*", t(HOUR_S - 0.001));
    const second = countAdmission(first, 2, "/v1/*", t(HOUR_S));
    expect(first).toEqual({
      start: t(0),
      changes: 1,
      admitted: 1,
      units: 3,
      refused: {},
      routes: { "/v1/*": 1 },
      lastAdmittedAt: t(HOUR_S - 0.001),
    });
    expect(second).toMatchObject({ start: t(HOUR_S), changes: 1, admitted: 1, units: 2 });
    expect(hourOf(t(HOUR_S * 5 + 3599.999))).toBe(t(HOUR_S * 5));
  });

  it("do not go back with a clock that does", () => {
    const hour = countAdmission(null, 1, null, t(HOUR_S * 2));
    expect(countAdmission(hour, 1, null, t(HOUR_S))).toMatchObject({ start: t(HOUR_S * 2), admitted: 2 });
  });

  it("tell 16 routes apart and count the others together", () => {
    let hour: HourUse | null = null;
    for (let round = 0; round < 2; round++) {
      for (let route = 0; route < 20; route++) hour = countAdmission(hour, 1, `/${route}`, t(1));
    }
    const { routes } = hour!;
    expect(Object.keys(routes)).toHaveLength(17);
    expect(routes).toMatchObject({ "/0": 2, "/15": 2, [OTHER_ROUTES]: 8 });
  });

  it("count refusals by reason", () => {
    const once = countRefusals(null, { "key-rotated": 2 }, t(1));
    expect(countRefusals(once, { "key-rotated": 1, "rate-limited": 4 }, t(2))).toMatchObject({
      changes: 2,
      admitted: 0,
      refused: { "key-rotated": 3, "rate-limited": 4 },
      lastAdmittedAt: null,
    });
  });
});

describe("the clients of a key", () => {
  it("are remembered by address, with when they came first and last and how often", () => {
    const clients = new Map<string, Client>();
    noteClient(clients, "203.0.113.7", "DE", t(1));
    noteClient(clients, "203.0.113.8", null, t(2));
    noteClient(clients, "203.0.113.7", null, t(3));
    expect([...clients.values()]).toEqual([
      { ip: "203.0.113.8", country: null, firstSeenAt: t(2), lastSeenAt: t(2), count: 1 },
      { ip: "203.0.113.7", country: "DE", firstSeenAt: t(1), lastSeenAt: t(3), count: 2 },
    ]);
  });

  it("are 64 at most: whoever was seen longest ago makes room", () => {
    const clients = new Map<string, Client>();
    for (let n = 0; n < 64; n++) noteClient(clients, `10.0.0.${n}`, null, t(n));
    noteClient(clients, "10.0.0.0", null, t(100));
    noteClient(clients, "10.0.1.0", null, t(101));
    expect(clients.size).toBe(64);
    expect([clients.has("10.0.0.0"), clients.has("10.0.0.1"), clients.has("10.0.1.0")]).toEqual([true, false, true]);
  });
});

describe("refusals", () => {
  const sample = (path: string) => () => ({ requestId: "req_1", ip: null, country: null, method: "GET", path });
  const noted = (...refusals: readonly (readonly [RefusalCount["reason"], EpochMs])[]) => {
    const counts = new Map<string, RefusalCount>();
    for (const [reason, at] of refusals) noteRefusal(counts, reason, at, sample(`/${at}`));
    return counts;
  };

  it("are counted by reason and minute, with the first of them as the sample", () => {
    const counts = noted(
      ["key-rotated", t(1)],
      ["key-rotated", t(59.999)],
      ["rate-limited", t(2)],
      ["key-rotated", t(60)],
    );
    expect([...counts.values()].map(({ reason, minute, count }) => [reason, minute, count])).toEqual([
      ["key-rotated", t(0), 2],
      ["rate-limited", t(0), 1],
      ["key-rotated", t(60), 1],
    ]);
    const [first] = counts.values();
    expect(refusalDetail(first!)).toMatchObject({
      count: 2,
      firstAt: "2026-01-01T00:00:01.000Z",
      lastAt: "2026-01-01T00:00:59.999Z",
      sample: { method: "GET", path: `/${t(1)}` },
    });
    expect(endOfMinute(first!.minute)).toBe(t(60));
  });

  it("that were written down before and those since are one count", () => {
    const merged = mergeRefusals(noted(["key-rotated", t(1)]), noted(["key-rotated", t(5)], ["key-revoked", t(6)]));
    expect([...merged.values()]).toMatchObject([
      { reason: "key-rotated", count: 2, firstAt: t(1), lastAt: t(5), sample: { path: `/${t(1)}` } },
      { reason: "key-revoked", count: 1 },
    ]);
  });
});

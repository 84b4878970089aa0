import { describe, expect, it } from "vitest";
import { amend } from "../../src/key/amend.ts";
import { credit } from "../../src/key/credit.ts";
import type { KeyEvent } from "../../src/key/event.ts";
import type { Key, Step } from "../../src/key/key.ts";
import { noticed } from "../../src/key/notice.ts";
import { NOTHING_SEEN } from "../../src/key/suspicion-history.ts";
import { admitWith, aKey, aQuota, aRequest, at, t } from "../support/a-key.ts";

const DAY = 24 * 60 * 60;

/** A key that is used, and what people were told of its quota. */
function used(key: Key) {
  let now = key;
  const events: KeyEvent[] = [];
  const take = (step: Step<unknown>, when = t(0)): void => {
    const seen = noticed(now, step, null, NOTHING_SEEN, at(when)).step;
    now = seen.key;
    events.push(...seen.events);
  };
  return {
    take,
    spend: (cost: number, when = t(0)) => take(admitWith(now, aRequest(undefined, { cost }), when), when),
    amend: (limit: number) =>
      take(
        amend(
          now,
          { amendment: { quota: aQuota(limit, now.profile.quota!.period) }, expectedRevision: null },
          at(t(0)),
        ),
      ),
    credit: (add: number) => take(credit(now, { credit: { add }, expectedRevision: null }, at(t(0)))),
    told: () => events.filter(({ type }) => type === "key.quota-reached").map(({ detail }) => detail["percent"]),
    events,
    key: () => now,
  };
}

describe("a quota that goes to its end", () => {
  it("is told of at 80, 90 and 100 percent, once each", () => {
    const key = used(aKey({ quota: aQuota(50) }));
    const told: unknown[] = [];
    for (let unit = 1; unit <= 60; unit++) {
      key.spend(1);
      if (key.told().length > told.length) told.push([unit, key.told().at(-1)]);
    }
    expect(told).toEqual([
      [40, 80],
      [45, 90],
      [50, 100],
    ]);
    expect(key.events[0]).toMatchObject({
      sequence: 2,
      type: "key.quota-reached",
      by: { actor: "policy" },
      detail: { percent: 80, used: 40, available: 50, periodStart: "2026-01-01T00:00:00.000Z" },
    });
  });

  it("is told of by the highest of those that one request passes", () => {
    const key = used(aKey({ quota: aQuota(50) }));
    key.spend(46);
    key.spend(4);
    expect(key.told()).toEqual([90, 100]);
  });

  it("is told of again in the next period", () => {
    const key = used(aKey({ quota: aQuota(10) }));
    for (const day of [0, 1, 2]) key.spend(8, t(day * DAY));
    expect(key.told()).toEqual([80, 80, 80]);
    expect(key.events.map(({ detail }) => detail["periodStart"])).toEqual([
      "2026-01-01T00:00:00.000Z",
      "2026-01-02T00:00:00.000Z",
      "2026-01-03T00:00:00.000Z",
    ]);
  });

  it("is not told of again when what was given back is used again", () => {
    const key = used(aKey({ quota: aQuota(10) }));
    key.spend(8);
    const given = { ...key.key(), use: { ...key.key().use, quota: { ...key.key().use.quota!, used: 2 } } };
    key.take({ key: given, events: [], answer: null });
    key.spend(6);
    expect(key.told()).toEqual([80]);
    key.spend(1);
    expect(key.told()).toEqual([80, 90]);
  });

  it("counts what was carried over into the period", () => {
    const key = used(aKey({ quota: aQuota(10, "day", { refill: "add", cap: 20 }) }));
    key.spend(10, t(DAY));
    expect(key.told()).toEqual([]);
    key.spend(6, t(DAY));
    expect(key.events.map(({ detail }) => detail)).toMatchObject([{ percent: 80, used: 16, available: 20 }]);
  });

  it("is told of again when another limit has made it untrue, and at once when one has made it true", () => {
    const key = used(aKey({ quota: aQuota(10) }));
    key.spend(9);
    key.amend(20);
    expect(key.told()).toEqual([90]);
    key.spend(7);
    expect(key.told()).toEqual([90, 80]);
    key.amend(16);
    expect(key.told()).toEqual([90, 80, 100]);
  });

  it("that is a balance is told of after each credit, without a period", () => {
    const key = used(aKey({ quota: aQuota(10, "none") }));
    key.spend(10);
    key.credit(90);
    key.spend(70);
    expect(key.events.filter(({ type }) => type === "key.quota-reached").map(({ detail }) => detail)).toEqual([
      { percent: 100, used: 10, available: 10, periodStart: null },
      { percent: 80, used: 80, available: 100, periodStart: null },
    ]);
  });

  it("is no news to a key without one, nor of a request that costs nothing", () => {
    const [without, free] = [used(aKey()), used(aKey({ quota: aQuota(1) }))];
    without.spend(1);
    free.spend(0);
    expect([without.events, free.events]).toEqual([[], []]);
  });
});

describe("a limit that is lowered below what was used", () => {
  it("is no counter above its limit, whatever comes after", () => {
    const key = used(aKey({ quota: aQuota(50) }));
    key.spend(30);
    key.amend(10);
    key.spend(0);
    expect(key.key().use.quota).toMatchObject({ used: 30, excess: 20 });
    key.amend(40);
    expect(key.key().use.quota).not.toHaveProperty("excess");
    key.spend(10);
    expect(key.events.filter(({ type }) => type === "key.alerted")).toEqual([]);
  });

  it("excuses no more than it explains", () => {
    const key = used(aKey({ quota: aQuota(50) }));
    key.spend(30);
    key.amend(10);
    const broken = { ...key.key(), use: { ...key.key().use, quota: { ...key.key().use.quota!, used: 31 } } };
    key.take({ key: broken, events: [], answer: null });
    expect(key.events.filter(({ type }) => type === "key.alerted")).toMatchObject([
      { detail: { alert: "counter-above-limit", used: 31, most: 30 } },
    ]);
  });
});

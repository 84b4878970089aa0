import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ChainProof } from "../../src/control/schema/proof.ts";
import { BACKLOG_LIMIT } from "../../src/key-object/backlog.ts";
import { LEDGER_TIMEOUT_MS } from "../../src/ledger/unavailable.ts";
import { control, told } from "../support/control.ts";
import { UNSUSPICIOUS } from "../support/a-key.ts";
import { ledgerOf, meetLedger, type Ledger, type Meeting } from "../support/meet-ledger.ts";
import { ringTally } from "../support/tally-timer.ts";
import { asked, hears, openKey, type OpenKey, type Stub } from "../support/open-key.ts";

const MINUTE = 60_000;
const DAY = 86_400_000;

const proofOf = ({ id }: OpenKey) => told<ChainProof>(control("GET", `/_rekey/v1/keys/${id}/events/proof`));
const alarmOf = (stub: Stub) => runInDurableObject(stub, (_object, { storage }) => storage.getAlarm());
const eventsIn = (stub: Stub) =>
  runInDurableObject(stub, (_object, { storage: { sql } }) =>
    sql
      .exec<{ sequence: number }>("SELECT sequence FROM event ORDER BY sequence")
      .toArray()
      .map(({ sequence }) => sequence),
  );
const numbersTo = (last: number) => Array.from({ length: last }, (_, at) => at + 1);

/** Lets a span of time pass in which every alarm rings when it is due. */
async function pass(stub: Stub, ms: number): Promise<void> {
  const end = Date.now() + ms;
  for (let alarm = await alarmOf(stub); alarm !== null && alarm <= end; alarm = await alarmOf(stub)) {
    vi.setSystemTime(Math.max(Date.now(), alarm));
    await runDurableObjectAlarm(stub);
  }
  vi.setSystemTime(end);
}

let ledger: Ledger;
beforeEach(async () => {
  await env.DB.prepare("DELETE FROM chores").run();
  ledger = meetLedger();
  // A clock of our own, far ahead of the platform's: no alarm rings before the test lets it.
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(Date.now() + 1000 * DAY);
});
afterEach(() => {
  ledger[Symbol.dispose]();
  vi.useRealTimers();
});

/** So many changes, one after the other, in which time passes and the weather may change. */
async function changes(key: OpenKey, count: number, between: (nth: number) => Promise<void>): Promise<void> {
  for (let nth = 0; nth < count; nth++) {
    await (nth % 2 === 0 ? key.stub.suspend(asked) : key.stub.resume(asked));
    await between(nth);
  }
}

describe("nothing is lost, nothing doubled, and the order is kept", () => {
  it("while the ledger is down for an hour, with a change every minute and evictions in between", async () => {
    const key = await openKey();
    ledger.meets = "fail";
    await changes(key, 60, async (nth) => {
      await pass(key.stub, MINUTE);
      if (nth % 7 === 0) await evictDurableObject(key.stub);
    });
    expect((await ledgerOf(key.id)).sequences).toEqual([1]);
    ledger.meets = "pass";
    await pass(key.stub, 5 * MINUTE);
    expect(await ledgerOf(key.id)).toMatchObject({ sequences: numbersTo(61), row: { revision: 61 } });
    expect(await proofOf(key)).toMatchObject({ intact: true, verifiedThrough: 61, deliveredThrough: 61 });
  });

  it("while the ledger is down for longer than events are kept: what it does not have stays", async () => {
    const key = await openKey();
    ledger.meets = "fail";
    await changes(key, 5, () => Promise.resolve());
    vi.setSystemTime(Date.now() + 40 * DAY);
    await runDurableObjectAlarm(key.stub);
    await evictDurableObject(key.stub);
    await runDurableObjectAlarm(key.stub);
    expect((await eventsIn(key.stub)).slice(-5)).toEqual([2, 3, 4, 5, 6]);
    ledger.meets = "pass";
    await pass(key.stub, 5 * MINUTE);
    expect(await ledgerOf(key.id)).toMatchObject({ sequences: numbersTo(6) });
  });

  it.each([
    ["a minute", 1],
    ["ten minutes", 10],
    ["ten hours", 600],
  ])("within a minute of the ledger being well, after an outage of %s", async (_length, minutes) => {
    const keys = await Promise.all(Array.from({ length: 5 }, () => openKey()));
    ledger.meets = "fail";
    for (const { stub } of keys) await stub.suspend(asked);
    const end = Date.now() + minutes * MINUTE;
    // In the order in which their alarms are due, as they ring by themselves.
    for (;;) {
      const alarms = await Promise.all(keys.map(({ stub }) => alarmOf(stub)));
      const next = Math.min(...alarms.map((alarm) => alarm ?? Infinity));
      if (next > end) break;
      vi.setSystemTime(next);
      await runDurableObjectAlarm(keys[alarms.indexOf(next)]!.stub);
    }
    vi.setSystemTime(end);
    ledger.meets = "pass";
    // 3 seconds are for an attempt that is under way in that moment, 2 for the delivery.
    for (const { stub, id } of keys) {
      vi.setSystemTime(end);
      await pass(stub, MINUTE - 5_000);
      expect((await ledgerOf(id)).sequences).toEqual([1, 2]);
    }
  });

  it.each<Meeting>(["fail", "lose"])("while one call in ten meets %s", async (fault) => {
    const key = await openKey();
    await changes(key, 100, async (nth) => {
      ledger.meets = nth % 10 === 3 ? fault : "pass";
      const { sequences } = await ledgerOf(key.id);
      expect(sequences).toEqual(numbersTo(sequences.length));
    });
    ledger.meets = "pass";
    await pass(key.stub, MINUTE);
    expect((await ledgerOf(key.id)).sequences).toEqual(numbersTo(101));
    expect(await proofOf(key)).toMatchObject({ intact: true, verifiedThrough: 101 });
  });

  it("while every answer is lost after it took effect", async () => {
    const key = await openKey();
    ledger.meets = "lose";
    await changes(key, 5, () => pass(key.stub, MINUTE));
    ledger.meets = "pass";
    await pass(key.stub, 5 * MINUTE);
    expect((await ledgerOf(key.id)).sequences).toEqual(numbersTo(6));
    expect(await proofOf(key)).toMatchObject({ intact: true });
  });

  it("while it hangs: a delivery is given up after its own time and made again, and the one that hung does no harm", async () => {
    const key = await openKey();
    ledger.meets = "hang";
    await key.stub.suspend(asked);
    const began = performance.now();
    await pass(key.stub, 2_000);
    expect(performance.now() - began).toBeGreaterThanOrEqual(LEDGER_TIMEOUT_MS - 600);
    const before = ledger.deliveries;
    ledger.meets = "pass";
    await pass(key.stub, MINUTE);
    await key.stub.resume(asked);
    expect(ledger.deliveries).toBeGreaterThan(before);
    expect((await ledgerOf(key.id)).sequences).toEqual([1, 2, 3]);
    // What was on its way all the time arrives now, older than what is there.
    ledger.release();
    await expect
      .poll(() => ledgerOf(key.id))
      .toMatchObject({ sequences: [1, 2, 3], row: { status: "active", revision: 3 } });
    expect(await proofOf(key)).toMatchObject({ intact: true });
  });
});

describe("how late the ledger is", () => {
  const listed = async () => (await told<{ asOf: string }>(control("GET", "/_rekey/v1/keys"))).asOf;
  // Another binding each time: one probe answers for a second, by a clock that stands still here.
  const ready = () =>
    told<Ready>(control("GET", "/_rekey/readyz", { env: { DB: env.DB.withSession() as unknown as D1Database } }));
  type Ready = { readonly ledger: string; readonly detail: { readonly behindSince: string | null } };

  it("is told by lists and readiness from the first key that came late until the last one must have come", async () => {
    const key = await openKey();
    expect(await listed()).toBe(new Date().toISOString());
    ledger.meets = "fail";
    const since = new Date().toISOString();
    await key.stub.suspend(asked);
    await pass(key.stub, 20 * MINUTE);
    ledger.meets = "pass";
    await pass(key.stub, MINUTE);
    expect(await listed()).toBe(since);
    expect(await ready()).toMatchObject({ ledger: "behind", detail: { behindSince: since } });
    vi.setSystemTime(Date.now() + 1.25 * MINUTE + 1);
    expect(await listed()).toBe(new Date().toISOString());
    expect(await ready()).toMatchObject({ ledger: "ok", detail: { behindSince: null } });
  });

  it("is told by readiness of a single key that the ledger refuses, while it takes all others", async () => {
    const key = await openKey();
    expect(await ready()).toMatchObject({ ledger: "ok" });
    ledger.meets = "fail";
    const since = new Date().toISOString();
    await key.stub.suspend(asked);
    ledger.meets = "pass";
    // An event that no table of the ledger takes; why is of no account.
    const spoilt = "UPDATE event SET json = json_remove(json, '$.type') WHERE sequence = 2";
    await runInDurableObject(key.stub, (_object, { storage }) => storage.sql.exec(spoilt).toArray());
    await pass(key.stub, 10 * MINUTE);
    await (await openKey()).stub.suspend(asked);
    expect((await ledgerOf(key.id)).sequences).toEqual([1]);
    expect(await ready()).toMatchObject({ ledger: "behind", detail: { behindSince: since } });
    // As long as it lasts, and not longer.
    await pass(key.stub, 60 * MINUTE);
    expect(await ready()).toMatchObject({ ledger: "behind", detail: { behindSince: since } });
    const mended = "UPDATE event SET json = json_set(json, '$.type', 'key.suspended') WHERE sequence = 2";
    await runInDurableObject(key.stub, (_object, { storage }) => storage.sql.exec(mended).toArray());
    await pass(key.stub, MINUTE);
    expect((await ledgerOf(key.id)).sequences).toEqual([1, 2]);
    vi.setSystemTime(Date.now() + 1.25 * MINUTE + 1);
    expect(await ready()).toMatchObject({ ledger: "ok" });
  });
});

describe("an object's own events", () => {
  it("stay for 30 days and go then, if the ledger has them, but for the newest", async () => {
    const key = await openKey();
    await changes(key, 4, () => pass(key.stub, DAY));
    await pass(key.stub, 26 * DAY - 1);
    expect(await eventsIn(key.stub)).toEqual([1, 2, 3, 4, 5]);
    // Event 2 happened in the same millisecond as event 1.
    await pass(key.stub, 1);
    expect(await eventsIn(key.stub)).toEqual([3, 4, 5]);
    await pass(key.stub, 10 * DAY);
    expect(await eventsIn(key.stub)).toEqual([5]);
    expect(await alarmOf(key.stub)).toBeNull();
    expect(await proofOf(key)).toMatchObject({ intact: true, verifiedThrough: 5 });

    await evictDurableObject(key.stub);
    await key.stub.suspend(asked);
    await key.stub.resume(asked);
    expect(await proofOf(key)).toMatchObject({ intact: true, verifiedThrough: 7 });
  });

  it("stay for as long as the ledger does not have them", async () => {
    const key = await openKey();
    ledger.meets = "fail";
    await changes(key, 3, async () => void vi.setSystemTime(Date.now() + DAY));
    vi.setSystemTime(Date.now() + 60 * DAY);
    await runDurableObjectAlarm(key.stub);
    // The first one was told when the key was created.
    expect(await eventsIn(key.stub)).toEqual([2, 3, 4]);
    ledger.meets = "pass";
    await pass(key.stub, 2 * DAY);
    expect((await ledgerOf(key.id)).sequences).toEqual([1, 2, 3, 4]);
    expect(await eventsIn(key.stub)).toEqual([4]);
  });
});

describe("what waits for a ledger that stays away", () => {
  /** An object with so many events that the ledger has not heard of, as after a long outage. */
  async function withBacklog(events: number): Promise<OpenKey> {
    const key = await openKey({ suspicion: UNSUSPICIOUS });
    ledger.meets = "fail";
    await runInDurableObject(key.stub, (_object, { storage }) =>
      storage.sql.exec("UPDATE part SET json = json_set(json, '$.sequence', ?) WHERE name = 'standing'", events + 1),
    );
    await evictDurableObject(key.stub);
    return key;
  }

  it.each([
    [BACKLOG_LIMIT - 1, 1],
    [BACKLOG_LIMIT, 0],
  ])("%i events: a minute of refusals makes %i more, and a change is always one", async (backlog, more) => {
    const key = await withBacklog(backlog);
    expect(await hears(key.stub, "nobody's")).toBe("wrong-secret");
    vi.setSystemTime(Date.now() + MINUTE);
    await runInDurableObject(key.stub, () => ringTally());
    await key.stub.suspend(asked);
    const newest = await key.stub.events({ ...asked, before: null, limit: 2 });
    const numbered = [
      { sequence: backlog + more + 2, type: "key.suspended" },
      ...(more === 1 ? [{ sequence: backlog + 2, type: "key.refused" }] : [{ sequence: 1, type: "key.created" }]),
    ];
    expect(newest).toMatchObject({ events: numbered });
  });
});

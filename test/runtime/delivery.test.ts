import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { UNSUSPICIOUS } from "../support/a-key.ts";
import { ledgerOf, meetLedger, type Ledger } from "../support/meet-ledger.ts";
import { aKeyId, asked, hears, openKey, rotated, stubOf, type Stub } from "../support/open-key.ts";

const HOUR = 3600 * 1000;

/** Where the object's alarm stands, and what is on its agenda. */
const plansOf = (stub: Stub) =>
  runInDurableObject(stub, async (_object, { storage }) => {
    const all = storage.sql.exec<{ task: string; due_at: number; attempts: number }>("SELECT * FROM agenda").toArray();
    // That old events are let go of in a month has a test of its own.
    const agenda = all.filter(({ task }) => task !== "prune-events");
    return { alarm: agenda.length > 0 || all.length === 0 ? await storage.getAlarm() : null, agenda };
  });

/** Moves the clock to the object's alarm and lets it ring. */
async function ring(stub: Stub): Promise<void> {
  const { alarm } = await plansOf(stub);
  if (alarm === null) throw new Error("no alarm stands");
  vi.setSystemTime(alarm);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
}

const numbersTo = (last: number): number[] => Array.from({ length: last }, (_, at) => at + 1);

let ledger: Ledger;

beforeEach(() => {
  ledger = meetLedger();
  // A clock of our own, far ahead of the platform's: no alarm rings before the test lets it.
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(Date.now() + 1000 * HOUR);
});

afterEach(() => {
  ledger[Symbol.dispose]();
  vi.useRealTimers();
});

describe("while the ledger listens", () => {
  it("has heard of a change before the change is answered", async () => {
    const { stub, id } = await openKey();
    expect(await ledgerOf(id)).toEqual({ sequences: [1], row: { status: "active", version: 1, revision: 1 } });
    await rotated(stub);
    expect(await ledgerOf(id)).toEqual({ sequences: [1, 2], row: { status: "active", version: 2, revision: 2 } });
    await stub.suspend(asked);
    expect(await ledgerOf(id)).toEqual({ sequences: [1, 2, 3], row: { status: "suspended", version: 2, revision: 3 } });
    await stub.revoke(asked);
    expect(await ledgerOf(id)).toEqual({
      sequences: [1, 2, 3, 4],
      row: { status: "revoked", version: 2, revision: 4 },
    });
  });

  it("is delivered to once for each change, and leaves nothing to do", async () => {
    const { stub } = await openKey();
    await rotated(stub);
    expect(ledger.deliveries).toBe(2);
    await expect.poll(() => plansOf(stub)).toEqual({ alarm: null, agenda: [] });
  });

  it("hears nothing of admissions and refusals", async () => {
    const { stub, credential } = await openKey();
    const before = ledger.deliveries;
    await Promise.all(Array.from({ length: 50 }, (_, at) => hears(stub, at % 2 === 0 ? credential : "nobody's")));
    expect(ledger.deliveries).toBe(before);
  });
});

describe("while the ledger fails", () => {
  it("a key is created, used, rotated and revoked as ever, and the ledger is whole afterwards", async () => {
    ledger.meets = "fail";
    const { stub, id, credential } = await openKey();
    const second = await rotated(stub, 1);
    expect(await hears(stub, credential)).toBe("key-rotated");
    expect(await hears(stub, second)).toBe("admitted");
    await stub.revoke(asked);
    expect(await hears(stub, second)).toBe("key-revoked");
    expect(await ledgerOf(id)).toEqual({ sequences: [], row: null });

    ledger.meets = "pass";
    await ring(stub);
    // Two of them are alerts: somebody tried a dead secret, and then one of a revoked key.
    expect(await ledgerOf(id)).toEqual({
      sequences: [1, 2, 3, 4, 5],
      row: { status: "revoked", version: 2, revision: 4 },
    });
    await expect.poll(() => plansOf(stub)).toEqual({ alarm: null, agenda: [] });
  });

  it("never gives up, waits longer each time up to 55 seconds, and lets go of nothing", async () => {
    ledger.meets = "fail";
    const { stub, id } = await openKey();
    const waits: number[] = [];
    for (let failures = 0; failures < 30; failures++) {
      const { alarm, agenda } = await plansOf(stub);
      expect(agenda).toEqual([{ task: "deliver", due_at: alarm, attempts: failures }]);
      waits.push(alarm! - Date.now());
      // What an object knows of its failures it knows from storage.
      if (failures % 3 === 0) await evictDurableObject(stub);
      await ring(stub);
    }
    for (const [failures, wait] of waits.entries()) {
      const most = Math.min(1000 * 2 ** failures, 55_000);
      expect(wait).toBeGreaterThanOrEqual(most / 2);
      expect(wait).toBeLessThanOrEqual(most);
    }
    ledger.meets = "pass";
    await ring(stub);
    expect(await ledgerOf(id)).toMatchObject({ sequences: [1] });
  });

  it("does not put off what is planned when further changes find it failing too", async () => {
    ledger.meets = "fail";
    const { stub } = await openKey();
    const planned = await plansOf(stub);
    for (let time = 0; time < 5; time++) await rotated(stub);
    expect(ledger.deliveries).toBe(6);
    expect(await plansOf(stub)).toEqual(planned);
  });

  it("delivers what has gathered in batches, each once and in order", async () => {
    const { stub, id } = await openKey();
    ledger.meets = "fail";
    const changes = Array.from({ length: 450 }, (_, at) => (at % 2 === 0 ? stub.suspend(asked) : stub.resume(asked)));
    await Promise.all(changes);
    const before = ledger.deliveries;
    ledger.meets = "pass";
    await ring(stub);
    expect(ledger.deliveries - before).toBe(3);
    expect(await ledgerOf(id)).toEqual({
      sequences: numbersTo(451),
      row: { status: "active", version: 1, revision: 451 },
    });
  });

  it("tells it everything when the next change finds it listening again, without waiting for the alarm", async () => {
    ledger.meets = "fail";
    const { stub, id } = await openKey();
    await rotated(stub);
    ledger.meets = "pass";
    await rotated(stub);
    expect(await ledgerOf(id)).toMatchObject({ sequences: [1, 2, 3], row: { version: 3 } });
  });
});

describe("when the ledger's answer is lost", () => {
  it("delivers again, and the second time counts for nothing", async () => {
    ledger.meets = "lose";
    const { stub, id } = await openKey();
    await ring(stub);
    await ring(stub);
    ledger.meets = "pass";
    await ring(stub);
    expect(ledger.deliveries).toBe(4);
    expect(await ledgerOf(id)).toEqual({ sequences: [1], row: { status: "active", version: 1, revision: 1 } });
  });
});

describe("while the ledger hangs", () => {
  it("a change waits for it no longer than 300 ms", async () => {
    const { stub, id } = await openKey();
    ledger.meets = "hang";
    const began = performance.now();
    const second = await rotated(stub);
    const waited = performance.now() - began;
    expect(waited).toBeGreaterThanOrEqual(300);
    expect(waited).toBeLessThan(1500);
    expect(await hears(stub, second)).toBe("admitted");
    expect(await ledgerOf(id)).toMatchObject({ sequences: [1] });
    ledger.release();
    await expect.poll(async () => (await ledgerOf(id)).sequences).toEqual([1, 2]);
  });

  it("has one delivery under way at most, and those who join it are delivered before they are answered", async () => {
    const { stub, id } = await openKey();
    ledger.meets = "hang";
    const first = stub.suspend(asked);
    await expect.poll(() => ledger.deliveries).toBe(2);
    ledger.meets = "pass";
    const others = Array.from({ length: 9 }, (_, at) => (at % 2 === 0 ? stub.resume(asked) : stub.suspend(asked)));
    await expect.poll(async () => (await stub.events({ ...asked, before: null, limit: 1 })).decision).not.toBeNull();
    ledger.release();
    await Promise.all([first, ...others]);
    expect(await ledgerOf(id)).toMatchObject({ sequences: numbersTo(11), row: { revision: 11, status: "active" } });
    expect(ledger.mostAtOnce).toBe(1);
  });

  it("does not hold up admissions", async () => {
    const { stub, credential } = await openKey();
    ledger.meets = "hang";
    const change = stub.rotate({ expectedVersion: 1, graceSeconds: 3600, idempotency: null, ...asked });
    // It hangs until it is let go: whoever waited for it would not be answered at all.
    for (let use = 0; use < 20; use++) expect(await hears(stub, credential)).toBe("admitted");
    await change;
    ledger.release();
  });
});

describe("an object that lost its memory", () => {
  it("whose task to deliver finds nothing to do has done it, and is not called again", async () => {
    const { stub } = await openKey();
    await expect.poll(() => plansOf(stub)).toEqual({ alarm: null, agenda: [] });
    await runInDurableObject(stub, async (_object, { storage }) => {
      storage.sql.exec("INSERT INTO agenda (task, due_at, attempts) VALUES ('deliver', ?, 1)", Date.now() - 1);
      await storage.setAlarm(Date.now() + HOUR);
    });
    await evictDurableObject(stub);
    await ring(stub);
    await expect.poll(() => plansOf(stub)).toEqual({ alarm: null, agenda: [] });
  });

  it("delivers what it had not delivered", async () => {
    ledger.meets = "fail";
    const { stub, id } = await openKey();
    await rotated(stub);
    await evictDurableObject(stub);
    ledger.meets = "pass";
    await ring(stub);
    expect(await ledgerOf(id)).toEqual({ sequences: [1, 2], row: { status: "active", version: 2, revision: 2 } });
  });

  it("sets its alarm again when the platform has given up on it", async () => {
    ledger.meets = "fail";
    const { stub, id, credential } = await openKey();
    await runInDurableObject(stub, (_object, { storage }) => storage.deleteAlarm());
    await evictDurableObject(stub);
    expect(await hears(stub, credential)).toBe("admitted");
    ledger.meets = "pass";
    await ring(stub);
    expect(await ledgerOf(id)).toMatchObject({ sequences: [1] });
  });

  it("makes nothing of an alarm for which there is nothing to do", async () => {
    const { stub, id } = await openKey();
    await expect.poll(() => plansOf(stub)).toEqual({ alarm: null, agenda: [] });
    await runInDurableObject(stub, (_object, { storage }) => storage.setAlarm(Date.now()));
    await ring(stub);
    expect(await plansOf(stub)).toEqual({ alarm: null, agenda: [] });
    expect(await ledgerOf(id)).toMatchObject({ sequences: [1] });
  });

  it("keeps an alarm that rings early for when it is due", async () => {
    ledger.meets = "fail";
    const { stub, id } = await openKey();
    const { alarm } = await plansOf(stub);
    const before = ledger.deliveries;
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(ledger.deliveries).toBe(before);
    expect((await plansOf(stub)).alarm).toBe(alarm);
    ledger.meets = "pass";
    await ring(stub);
    expect(await ledgerOf(id)).toMatchObject({ sequences: [1] });
  });
});

describe("a ledger of another epoch", () => {
  /** As after a deploy that changed LEDGER_EPOCH: the object's storage is of the epoch before. */
  const underNewEpoch = async (stub: Stub) => {
    await runInDurableObject(stub, (_object, { storage }) =>
      storage.sql.exec("UPDATE part SET json = json_set(json, '$.epoch', 'before') WHERE name = 'delivery'"),
    );
    await evictDurableObject(stub);
  };
  const deliveryOf = (stub: Stub) =>
    runInDurableObject(
      stub,
      (_object, { storage }) =>
        storage.sql.exec<{ json: string }>("SELECT json FROM part WHERE name = 'delivery'").one().json,
    );

  it("is told everything again by every key that wakes, and lacks nothing afterwards", async () => {
    const { stub, id, credential } = await openKey({ suspicion: UNSUSPICIOUS });
    await rotated(stub);
    await stub.revoke(asked);
    await env.DB.batch([
      env.DB.prepare("DELETE FROM events WHERE key_id = ? AND sequence > 1").bind(id),
      env.DB.prepare("UPDATE keys SET status = 'active', revision = 1, version = 1 WHERE id = ?").bind(id),
    ]);
    await underNewEpoch(stub);
    expect(await hears(stub, credential)).toBe("key-rotated");
    await ring(stub);
    expect(await ledgerOf(id)).toEqual({ sequences: [1, 2, 3], row: { status: "revoked", version: 2, revision: 3 } });
    await expect.poll(() => plansOf(stub)).toEqual({ alarm: null, agenda: [] });
    expect(JSON.parse(await deliveryOf(stub))).toEqual({ delivered: 3, epoch: "", hoursDelivered: null });
  });

  it("is told of events that together are larger than one statement may be", async () => {
    const { stub, id } = await openKey({ suspicion: UNSUSPICIOUS });
    for (let nth = 0; nth < 196; nth++) await (nth % 2 === 0 ? stub.suspend(asked) : stub.resume(asked));
    await stub.revoke(asked);
    await env.DB.batch(["events", "keys"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
    // As an earlier release made them, whose events were as large as what was asked for.
    const bytes = await runInDurableObject(stub, (_object, { storage: { sql } }) => {
      sql.exec("UPDATE event SET json = json_set(json, '$.detail.path', printf('%.*c', 12000, 'x'))");
      return sql.exec<{ bytes: number }>("SELECT sum(octet_length(json)) AS bytes FROM event").one().bytes;
    });
    expect(bytes).toBeGreaterThan(2_300_000);
    await underNewEpoch(stub);
    await stub.read(asked);
    const before = ledger.deliveries;
    await ring(stub);
    // Half a million bytes at a time, so that none of them takes long.
    expect(ledger.deliveries - before).toBe(Math.ceil(198 / Math.floor(500_000 / (bytes / 198))));
    expect(await ledgerOf(id)).toEqual({
      sequences: numbersTo(198),
      row: { status: "revoked", version: 1, revision: 198 },
    });
    await expect.poll(() => plansOf(stub)).toEqual({ alarm: null, agenda: [] });
  });

  it("is told once: waking again under the same epoch plans nothing", async () => {
    const { stub } = await openKey();
    await underNewEpoch(stub);
    await stub.read(asked);
    await ring(stub);
    const before = ledger.deliveries;
    await expect.poll(() => plansOf(stub)).toEqual({ alarm: null, agenda: [] });
    await evictDurableObject(stub);
    await stub.read(asked);
    expect(await plansOf(stub)).toEqual({ alarm: null, agenda: [] });
    expect(ledger.deliveries).toBe(before);
  });

  it("is told within 16 to 32 seconds, so that objects that a deploy woke together do not come together", async () => {
    const { stub } = await openKey();
    await underNewEpoch(stub);
    await stub.read(asked);
    const wait = (await plansOf(stub)).alarm! - Date.now();
    expect(wait).toBeGreaterThanOrEqual(16_000);
    expect(wait).toBeLessThanOrEqual(32_000);
  });
});

it("an alarm for an id without a key does nothing and writes nothing", async () => {
  const stub = stubOf(aKeyId());
  await runInDurableObject(stub, (_object, { storage }) => storage.setAlarm(Date.now() + HOUR));
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect(ledger.deliveries).toBe(0);
  expect(await stub.read(asked)).toEqual({ reached: false, because: "not-found", decision: null });
});

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ADMIN } from "../../src/key/authority.ts";
import type { KeyId } from "../../src/key/credential.ts";
import { epochMs } from "../../src/key/time.ts";
import { countAdmission } from "../../src/key/usage.ts";
import { deliver } from "../../src/ledger/deliver.ts";
import { readUsage } from "../../src/ledger/usage.ts";
import { aQuota, UNSUSPICIOUS } from "../support/a-key.ts";
import { meetLedger, type Ledger } from "../support/meet-ledger.ts";
import { observeStorage } from "../support/observe-storage.ts";
import { asked, atRest, hears, openKey, rotated, withCredential, type Stub } from "../support/open-key.ts";
import { ringTally, tallyWaits } from "../support/tally-timer.ts";

const HOUR = 3600 * 1000;
const ip = "203.0.113.7";
const call = { method: "GET", path: "/v1/orders/7", route: "/v1/orders/*", country: "DE" };

let ledger: Ledger;
let start: number;

beforeEach(() => {
  ledger = meetLedger();
  vi.useFakeTimers({ toFake: ["Date"] });
  start = (Math.ceil(Date.now() / HOUR) + 1000) * HOUR;
  vi.setSystemTime(start);
});

afterEach(() => {
  ledger[Symbol.dispose]();
  vi.useRealTimers();
});

/** Lets the tally's timer ring, and waits until what came of it is written and told. */
async function flush(stub: Stub): Promise<void> {
  await runInDurableObject(stub, () => ringTally());
  await stub.read(asked);
}

async function ring(stub: Stub): Promise<void> {
  const alarm = await runInDurableObject(stub, (_object, { storage }) => storage.getAlarm());
  vi.setSystemTime(Math.max(alarm!, Date.now()));
  expect(await runDurableObjectAlarm(stub)).toBe(true);
}

/** The key's own counters, as storage has them. */
const countersOf = (stub: Stub) =>
  runInDurableObject(stub, (_object, { storage }) => {
    const { json } = storage.sql.exec<{ json: string }>("SELECT json FROM part WHERE name = 'use'").one();
    const { admitted, units } = JSON.parse(json) as { admitted: number; units: number };
    return { admitted, units };
  });

const usageOf = (keyId: KeyId, by: "hour" | "day" = "hour") =>
  readUsage(env.DB, { keyId, owner: null, by, from: epochMs(0), to: epochMs(start + 1000 * HOUR), limit: 200 });

async function totalsOf(keyId: KeyId) {
  const hours = await usageOf(keyId);
  return {
    admitted: hours.reduce((sum, hour) => sum + hour.admitted, 0),
    units: hours.reduce((sum, hour) => sum + hour.units, 0),
  };
}

describe("the use of a key", () => {
  it("is told to the ledger by the hour, in units and by route, as soon as its timer rings", async () => {
    const { stub, id, credential } = await openKey({ quota: aQuota(1000) });
    await hears(stub, credential, { cost: 3, ip, call });
    await hears(stub, credential, { cost: 2, ip, call: { ...call, route: "/v1/*" } });
    expect(await usageOf(id)).toEqual([]);
    await flush(stub);
    await expect
      .poll(() => usageOf(id))
      .toEqual([
        {
          start,
          admitted: 2,
          units: 5,
          refused: {},
          routes: { "/v1/orders/*": 1, "/v1/*": 1 },
          lastAdmittedAt: start,
        },
      ]);
  });

  it("adds up to the key's own counters over hours, evictions and outages of the ledger", async () => {
    const { stub, id, credential } = await openKey({ quota: aQuota(10_000) });
    for (let hour = 0; hour < 6; hour++) {
      vi.setSystemTime(start + hour * HOUR);
      ledger.meets = (["pass", "fail", "lose", "fail", "lose", "pass"] as const)[hour]!;
      for (let use = 0; use <= hour; use++) expect(await hears(stub, credential, { cost: use + 1 })).toBe("admitted");
      if (hour % 2 === 0) await flush(stub);
      await evictDurableObject(stub);
    }
    ledger.meets = "pass";
    await hears(stub, credential);
    await flush(stub);
    await expect.poll(() => totalsOf(id)).toEqual(await countersOf(stub));
    expect(await countersOf(stub)).toEqual({ admitted: 22, units: 1 + 3 + 6 + 10 + 15 + 21 + 1 });
    expect((await usageOf(id)).map(({ admitted }) => admitted)).toEqual([1, 2, 3, 4, 5, 7]);
  });

  it("is told by the alarm when the ledger did not listen, without another use of the key", async () => {
    const { stub, id, credential } = await openKey();
    ledger.meets = "fail";
    await hears(stub, credential);
    await flush(stub);
    await expect.poll(() => runInDurableObject(stub, (_object, { storage }) => storage.getAlarm())).not.toBeNull();
    await evictDurableObject(stub);
    ledger.meets = "pass";
    await ring(stub);
    expect(await totalsOf(id)).toEqual({ admitted: 1, units: 1 });
    await atRest(stub);
  });

  it("is not counted twice by a delivery that comes late: of two readings of an hour the newer one stays", async () => {
    const { stub, id, credential, record } = await openKey();
    await hears(stub, credential);
    await hears(stub, credential);
    await flush(stub);
    await expect.poll(() => totalsOf(id)).toEqual({ admitted: 2, units: 2 });
    const late = countAdmission(null, 1, null, epochMs(start));
    await deliver(env.DB, { record, events: [], hours: [late] });
    expect(await totalsOf(id)).toEqual({ admitted: 2, units: 2 });
  });

  it("that came while a delivery was under way is told when that is over", async () => {
    const { stub, id, credential } = await openKey();
    await hears(stub, credential);
    ledger.meets = "hang";
    await flush(stub);
    await hears(stub, credential);
    ledger.meets = "pass";
    ledger.release();
    await expect.poll(() => totalsOf(id)).toEqual({ admitted: 2, units: 2 });
  });

  it("of a day is the sum of its hours", async () => {
    const { stub, id, credential } = await openKey();
    for (const hour of [0, 1, 30]) {
      vi.setSystemTime(start + hour * HOUR);
      await hears(stub, credential, { call });
    }
    await hears(stub, "nobody's");
    await flush(stub);
    await expect.poll(async () => (await usageOf(id)).length).toBe(3);
    const days = await usageOf(id, "day");
    expect(days.reduce((sum, { admitted }) => sum + admitted, 0)).toBe(3);
    expect(days.length).toBeGreaterThanOrEqual(2);
    expect(days.at(-1)).toMatchObject({ refused: { "wrong-secret": 1 }, routes: { "/v1/orders/*": 1 } });
  });

  it("stays in the totals when the key is purged, without its owner", async () => {
    const { stub, id, credential } = await openKey({ owner: "acme" });
    await hears(stub, credential, { call });
    await flush(stub);
    await expect.poll(() => totalsOf(id)).toEqual({ admitted: 1, units: 1 });
    await stub.revoke(asked);
    await stub.purge(asked);
    expect(await usageOf(id)).toMatchObject([{ admitted: 1, routes: {} }]);
    const ofOwner = {
      keyId: null,
      owner: "acme",
      by: "hour" as const,
      from: epochMs(start),
      to: epochMs(start + HOUR),
      limit: 10,
    };
    expect(await readUsage(env.DB, ofOwner)).toEqual([]);
  });
});

describe("refusals", () => {
  it("are one event for each reason and minute, when the minute is over", async () => {
    const { stub, credential } = await openKey();
    const second = await rotated(stub);
    for (let n = 0; n < 30; n++) await hears(stub, credential, { ip, call, requestId: `req_${n}` });
    await hears(stub, second, { scopes: ["a"] });
    await flush(stub);
    const events = async () => {
      const answer = await stub.events({ ...asked, before: null, limit: 20 });
      return answer.reached ? answer.events.filter(({ type }) => type === "key.refused") : null;
    };
    expect(await events()).toEqual([]);
    await ring(stub);
    expect(await events()).toMatchObject([
      { sequence: 5, by: { actor: "caller" }, detail: { reason: "insufficient-scope", count: 1 } },
      {
        // Behind the alert about the first of them.
        sequence: 4,
        by: { actor: "caller", requestId: "req_0", ip, country: "DE" },
        detail: { reason: "key-rotated", count: 30, sample: { ip, method: "GET", path: "/v1/orders/7" } },
      },
    ]);
    await atRest(stub);
  });

  it("keep of a path what tells it from others, and not 16 KB of it", async () => {
    const { stub } = await openKey({ suspicion: UNSUSPICIOUS });
    const path = `/v1/${"a".repeat(16_000)}`;
    await hears(stub, "nobody's", { call: { method: "M".repeat(999), path, route: null, country: null } });
    await flush(stub);
    await ring(stub);
    const answer = await stub.events({ ...asked, before: null, limit: 1 });
    expect(answer).toMatchObject({
      events: [{ type: "key.refused", detail: { sample: { path: path.slice(0, 256), method: "M".repeat(256) } } }],
    });
  });

  it("survive an eviction and a crash once they are written down", async () => {
    const { stub, id } = await openKey();
    await hears(stub, "nobody's");
    await flush(stub);
    await evictDurableObject(stub);
    await hears(stub, "nobody's");
    await flush(stub);
    await evictDurableObject(stub);
    await ring(stub);
    await expect.poll(async () => (await usageOf(id))[0]?.refused).toEqual({ "wrong-secret": 2 });
    const answer = await stub.events({ ...asked, before: null, limit: 1 });
    expect(answer).toMatchObject({ events: [{ type: "key.refused", detail: { count: 2 } }] });
  });

  it("write a bounded number of rows, however many there are", async () => {
    const { stub } = await openKey({ suspicion: UNSUSPICIOUS });
    await atRest(stub);
    using written = await observeStorage(stub);
    for (let n = 0; n < 500; n++) await hears(stub, "nobody's", { ip });
    expect(written.rows).toBe(0);
    await flush(stub);
    await expect.poll(() => written.rows).toBeGreaterThan(0);
    expect(written.rows).toBeLessThanOrEqual(5);
  });

  it("do not change the record's revision", async () => {
    const { stub } = await openKey();
    await hears(stub, "nobody's");
    await flush(stub);
    await ring(stub);
    expect(await stub.read(asked)).toMatchObject({ record: { revision: 1, version: 1 } });
  });

  it("of an id without a key bring nothing into existence", async () => {
    const { stub } = await openKey();
    await stub.revoke(asked);
    await stub.purge(asked);
    await hears(stub, "nobody's");
    expect(tallyWaits()).toBe(false);
  });
});

describe("the clients of a key", () => {
  it("are known live, and after an eviction once they are written down", async () => {
    const { stub, credential } = await openKey();
    await hears(stub, credential, { ip, call });
    vi.setSystemTime(start + 1000);
    await hears(stub, credential, { ip: "2001:db8::1" });
    const clients = [
      { ip: "2001:db8::1", country: null, firstSeenAt: start + 1000, lastSeenAt: start + 1000, count: 1 },
      { ip, country: "DE", firstSeenAt: start, lastSeenAt: start, count: 1 },
    ];
    expect(await stub.clients({ authority: ADMIN })).toMatchObject({ reached: true, clients });
    await flush(stub);
    await evictDurableObject(stub);
    expect(await stub.clients({ authority: ADMIN })).toMatchObject({ reached: true, clients });
  });

  it("are not those that were refused or only asked", async () => {
    const { stub, credential } = await openKey();
    await hears(stub, "nobody's", { ip });
    await stub.admit(withCredential(credential, { ip, dryRun: true }));
    expect(await stub.clients({ authority: ADMIN })).toMatchObject({ clients: [] });
  });

  it("exist for those alone who may see the key", async () => {
    const { stub } = await openKey({ owner: "acme" });
    const authority = { kind: "key", keyId: "key_0000000000000000", owner: "other", scopes: ["rekey:*"] };
    expect(await stub.clients({ authority: authority as never })).toMatchObject({
      reached: false,
      because: "not-found",
    });
  });
});

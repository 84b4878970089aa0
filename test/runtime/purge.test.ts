import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ADMIN, type Authority } from "../../src/key/authority.ts";
import { digestOf } from "../../src/key/digest.ts";
import { aCall } from "../support/a-call.ts";
import { aQuota } from "../support/a-key.ts";
import { ledgerOf, meetLedger, type Ledger } from "../support/meet-ledger.ts";
import { ringTally } from "../support/tally-timer.ts";
import { asked, aKeyId, createAt, forgetful, hears, openKey, rotated, stubOf, type Stub } from "../support/open-key.ts";

const HOUR = 3600 * 1000;
const NOT_FOUND = { reached: false, because: "not-found", decision: null };
const PURGED = { reached: true, purged: true, decision: null };
const CREATION = aCall("header-of-the-creation", "create it");

/** A key with everything that a key can leave behind, revoked. */
async function revokedKey(profile: Parameters<typeof openKey>[0] = {}) {
  const key = await openKey(
    { name: "Ada's laptop", owner: "acme", metadata: { mail: "ada@example.com" }, quota: aQuota(5), ...profile },
    null,
    { idempotency: CREATION },
  );
  const second = await rotated(key.stub);
  await hears(key.stub, second);
  const by = { ...asked.by, ip: "203.0.113.7", userAgent: "ada's browser", country: "DE" };
  await key.stub.revoke({ ...asked, by, reason: "ada left" });
  return { ...key, second };
}

/** Every row of every table of ours in an object's storage, as JSON. */
const everythingIn = (stub: Stub) =>
  runInDurableObject(stub, (_object, { storage: { sql } }) => {
    const tables = sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
    const ours = tables.filter(({ name }) => !name.startsWith("_cf_"));
    return JSON.stringify(ours.map(({ name }) => sql.exec(`SELECT * FROM ${name}`).toArray()));
  });

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

describe("a key that was purged, and its object evicted after every question", () => {
  it("is unknown to everybody, and stays so", async () => {
    const { id, stub, credential, second } = await revokedKey();
    expect(await forgetful(stub, stub.purge(asked))).toMatchObject(PURGED);
    for (let round = 0; round < 2; round++) {
      for (const each of [credential, second]) expect(await forgetful(stub, hears(stub, each))).toBe("unknown-key");
      expect(await forgetful(stub, stub.read(asked))).toEqual(NOT_FOUND);
      expect(await forgetful(stub, stub.events({ ...asked, before: null, limit: 10 }))).toEqual(NOT_FOUND);
      expect(await forgetful(stub, stub.revoke(asked))).toEqual(NOT_FOUND);
      expect(await forgetful(stub, stub.amend({ ...asked, amendment: { name: "x" }, expectedRevision: null }))).toEqual(
        NOT_FOUND,
      );
      const own = { presented: digestOf(second), ip: null };
      const unknown = { done: false, refusal: { reason: "unknown-key" }, decision: null };
      expect(await forgetful(stub, stub.readSelf(own))).toEqual(unknown);
      expect(await forgetful(stub, stub.revokeSelf({ ...asked, ...own }))).toEqual(unknown);
      expect(await forgetful(stub, stub.rotateSelf({ ...asked, ...own, idempotency: null }))).toEqual(unknown);
    }
    expect(await ledgerOf(id)).toMatchObject({ sequences: [4] });
  });

  it("is purged again without an error, by those who could have seen it", async () => {
    const { stub } = await revokedKey();
    const ofOwner = (owner: string): Authority => ({
      kind: "control-key",
      keyId: aKeyId(),
      owner,
      scopes: ["rekey:*"],
    });
    expect(await forgetful(stub, stub.purge({ ...asked, authority: ofOwner("globex") }))).toEqual({
      ...NOT_FOUND,
      decision: expect.any(String),
    });
    for (const authority of [ofOwner("acme"), ofOwner("acme"), ADMIN]) {
      expect(await forgetful(stub, stub.purge({ ...asked, authority }))).toMatchObject(PURGED);
    }
    expect(await forgetful(stub, stub.purge({ ...asked, authority: ofOwner("globex") }))).toEqual(NOT_FOUND);
  });

  it.each([
    ["without a header", null, "conflict"],
    ["with a new header", aCall("another-header-16", "create it"), "conflict"],
    ["by a late retry of its creation", CREATION, "idempotency-expired"],
    ["by its creation's header with another request", aCall(CREATION.header, "create another"), "idempotency-mismatch"],
  ])("is never created again: %s", async (_name, idempotency, because) => {
    const { id, stub } = await revokedKey();
    await forgetful(stub, stub.purge(asked));
    for (let time = 0; time < 2; time++) {
      expect(await forgetful(stub, createAt(id, {}, { idempotency }))).toEqual({
        done: false,
        because,
        decision: null,
      });
    }
    expect(await stub.read(asked)).toEqual(NOT_FOUND);
  });

  it("is not brought to life by an order of its owner", async () => {
    const { stub } = await revokedKey();
    await forgetful(stub, stub.purge(asked));
    const command = { owner: "acme", order: { revision: 9, standing: "active" }, ...asked } as const;
    expect(await forgetful(stub, stub.obey(command))).toEqual({ done: true, gone: true });
    expect(await stub.read(asked)).toEqual(NOT_FOUND);
    expect(await stub.purge(asked)).toMatchObject(PURGED);
  });

  it("has nothing left to tell of who was refused before, and its alarm falls silent", async () => {
    const { stub, credential } = await revokedKey();
    await hears(stub, credential);
    await runInDurableObject(stub, ringTally);
    await forgetful(stub, stub.purge(asked));
    vi.setSystemTime(Date.now() + HOUR);
    await runDurableObjectAlarm(stub);
    expect(await runInDurableObject(stub, (_object, { storage }) => storage.getAlarm())).toBeNull();
  });

  it("leaves nothing personal behind, in the object or in the ledger", async () => {
    const { id, stub, credential } = await revokedKey();
    const traces = [
      "Ada",
      "ada@example.com",
      "203.0.113.7",
      "browser",
      "ada left",
      digestOf(credential),
      CREATION.header,
    ];
    const inLedger = async () => {
      const { results: events } = await env.DB.prepare("SELECT * FROM events WHERE key_id = ?").bind(id).all();
      const { results: keys } = await env.DB.prepare("SELECT * FROM keys WHERE id = ?").bind(id).all();
      return JSON.stringify([events, keys]);
    };
    const before = (await everythingIn(stub)) + (await inLedger());
    for (const trace of traces.slice(0, -1)) expect(before).toContain(trace);
    await forgetful(stub, stub.purge(asked));
    const after = (await everythingIn(stub)) + (await inLedger());
    for (const trace of traces) expect(after).not.toContain(trace);
    expect(after).toContain("key.purged");
  });
});

describe("a key that can still be used, or could be again", () => {
  it.each<[string, (stub: Stub) => Promise<unknown>]>([
    ["active", async () => {}],
    ["suspended", (stub) => stub.suspend(asked)],
  ])("is not purged: %s", async (_name, make) => {
    const { stub, record } = await openKey();
    await make(stub);
    expect(await forgetful(stub, stub.purge(asked))).toEqual({
      reached: true,
      purged: false,
      decision: expect.any(String),
    });
    expect(await stub.read(asked)).toMatchObject({ reached: true, record: { id: record.id } });
  });

  it("is purged from the instant on at which it expires", async () => {
    const { stub } = await openKey({}, { afterSeconds: 60 });
    vi.setSystemTime(Date.now() + 59_999);
    expect(await forgetful(stub, stub.purge(asked))).toMatchObject({ purged: false });
    vi.setSystemTime(Date.now() + 1);
    expect(await forgetful(stub, stub.purge(asked))).toMatchObject(PURGED);
  });

  it("is not purged by a control key that it is stronger than", async () => {
    const { stub } = await openKey({ scopes: ["rekey:*"] });
    await stub.revoke(asked);
    const authority: Authority = { kind: "control-key", keyId: aKeyId(), owner: null, scopes: ["rekey:keys:write"] };
    expect(await stub.purge({ ...asked, authority })).toMatchObject({ reached: false, because: "forbidden" });
    expect(await stub.read(asked)).toMatchObject({ reached: true });
  });
});

describe("a purge while the ledger is down", () => {
  it("is done at once, and the ledger forgets the key when it is back", async () => {
    const { id, stub } = await revokedKey();
    ledger.meets = "fail";
    expect(await forgetful(stub, stub.purge(asked))).toMatchObject(PURGED);
    expect(await ledgerOf(id)).toMatchObject({ sequences: [1, 2, 3], row: { status: "revoked" } });

    ledger.meets = "pass";
    vi.setSystemTime(Date.now() + HOUR);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await ledgerOf(id)).toMatchObject({ sequences: [4], row: { status: "purged" } });
    const alarm = () => runInDurableObject(stub, (_object, { storage }) => storage.getAlarm());
    await expect.poll(alarm).toBeNull();
  });

  it("takes along what the ledger never heard of", async () => {
    ledger.meets = "fail";
    const { id, stub } = await revokedKey();
    await stub.purge(asked);
    ledger.meets = "pass";
    await evictDurableObject(stub);
    vi.setSystemTime(Date.now() + HOUR);
    await runDurableObjectAlarm(stub);
    expect(await ledgerOf(id)).toMatchObject({ sequences: [4], row: { status: "purged" } });
  });

  it("shares a write with the change just before it, of which nothing is left either", async () => {
    const { id, stub } = await openKey({ name: "Ada's laptop" });
    const [revocation, purge] = await Promise.all([stub.revoke({ ...asked, reason: "ada left" }), stub.purge(asked)]);
    expect([revocation, purge]).toMatchObject([{ done: true }, { purged: true }]);
    expect(await everythingIn(stub)).not.toContain("ada left");
    expect(await everythingIn(stub)).not.toContain("Ada");
    await expect.poll(async () => (await ledgerOf(id)).sequences).toEqual([3]);
    expect(await stubOf(id).read(asked)).toEqual(NOT_FOUND);
  });
});

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { chained, GENESIS } from "../../src/key/chain.ts";
import { epochMs } from "../../src/key/time.ts";
import type { Authority } from "../../src/key/authority.ts";
import type { EventType } from "../../src/key/event.ts";
import { migrate, SCHEMA_VERSION, schemaVersionOf } from "../../src/key-object/book-schema.ts";
import { Book } from "../../src/key-object/book.ts";
import { KeyObject } from "../../src/key-object/key-object.ts";
import { digestOf } from "../../src/key/digest.ts";
import { aCall } from "../support/a-call.ts";
import { ledgerOf } from "../support/meet-ledger.ts";
import { aKeyId, asked, atRest, forgetful, hears, openKey, stubOf } from "../support/open-key.ts";

describe("the storage of a key", () => {
  it("says under which schema it was written", async () => {
    const { stub } = await openKey();
    expect(await runInDurableObject(stub, (_object, { storage }) => schemaVersionOf(storage.sql))).toBe(SCHEMA_VERSION);
  });

  it("that a newer release has written is refused, not guessed at: the object does not wake, and changes nothing", async () => {
    const { stub, credential } = await openKey();
    await atRest(stub);
    const future = SCHEMA_VERSION + 1;
    await runInDurableObject(stub, (_object, state) => {
      const { sql } = state.storage;
      const all = () => ["part", "event", "agenda"].map((table) => sql.exec(`SELECT * FROM ${table}`).toArray());
      sql.exec("UPDATE schema_version SET version = ?", future);
      const before = all();
      expect(() => new KeyObject(state, env)).toThrow(`storage has schema ${future}`);
      expect(() => new Book(state.storage)).toThrow("refusing to guess");
      expect(all()).toEqual(before);
      expect(schemaVersionOf(sql)).toBe(future);
      sql.exec("UPDATE schema_version SET version = ?", SCHEMA_VERSION);
    });
    expect(await hears(stub, credential)).toBe("admitted");
  });

  it("is brought forward whole or not at all", async () => {
    const { stub } = await openKey();
    await atRest(stub);
    await runInDurableObject(stub, (_object, { storage }) => {
      // A migration that is interrupted half-way: its second table exists already.
      storage.sql.exec("DROP TABLE part; UPDATE schema_version SET version = 0");
      const tables = () =>
        storage.sql
          .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
          .toArray()
          .map(({ name }) => name)
          .filter((name) => !name.startsWith("_cf_"));
      const before = tables();
      expect(() => storage.transactionSync(() => migrate(storage.sql, 0))).toThrow("already exists");
      expect(tables()).toEqual(before);
    });
  });

  it("holds no secret: not the credential, not its random part", async () => {
    const { stub, credential } = await openKey();
    const everything = await runInDurableObject(stub, (_object, { storage }) => {
      const tables = ["part", "retired_secret", "event", "agenda", "receipt"];
      return JSON.stringify(tables.map((table) => storage.sql.exec(`SELECT * FROM ${table}`).toArray()));
    });
    expect(everything).not.toContain(credential);
    expect(everything).not.toContain(credential.slice(-49, -17));
    expect(everything).toContain(credential.slice(-4));
  });
});

/** A key as the first release wrote it: everything since then must still be able to read these very rows. */
const FIRST_RELEASE = {
  part: [
    [
      "profile",
      {
        id: "key_OfTheFirstReleas",
        name: "billing worker",
        owner: "acme",
        kind: "token",
        prefix: "rk_live",
        createdAt: 1790000000000,
        scopes: ["orders:*"],
        allowedIps: null,
        quota: { limit: 50, period: "none", timezone: "UTC" },
        rateLimits: [{ name: "burst", algorithm: "window", limit: 9, windowSeconds: 60, unit: "request" }],
        selfRotate: true,
        metadata: { plan: "pro" },
      },
    ],
    [
      "standing",
      {
        version: 2,
        revision: 2,
        sequence: 2,
        secret: { digest: digestOf("the second"), hint: "…cond", pepper: "a" },
        rotatedAt: 1790000060000,
        suspendedAt: null,
        revokedAt: null,
        expiresAt: null,
      },
    ],
    [
      "use",
      {
        newest: 1790000120000,
        lastUsedAt: 1790000120000,
        admitted: 12,
        admittedWithSecret: 3,
        quota: { span: null, used: 12 },
        rateLimits: [{ openedAt: 1790000100000, used: 3 }],
        boot: 4,
      },
    ],
    ["delivery", { delivered: 1 }],
  ],
  retired: [1, digestOf("the first"), 1790000060000],
  events: (["key.created", "key.rotated"] satisfies EventType[]).map((type, at) => ({
    sequence: at + 1,
    type,
    at: epochMs(1790000000000 + at * 60_000),
    by: { actor: "admin", requestId: `req_${at}`, ip: null, userAgent: null, country: null },
    detail: { version: at + 1 },
  })),
} as const;

describe("a key that the first release has written", () => {
  async function oldKey(standing: object = {}) {
    const id = aKeyId();
    const stub = stubOf(id);
    await runInDurableObject(stub, (_object, { storage: { sql } }) => {
      sql.exec(`
        CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;
        INSERT INTO schema_version VALUES (1);
        CREATE TABLE part (name TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
        CREATE TABLE retired_secret (version INTEGER PRIMARY KEY, digest TEXT NOT NULL, valid_until INTEGER NOT NULL) STRICT;
        CREATE TABLE event (sequence INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
        CREATE TABLE agenda (task TEXT PRIMARY KEY, due_at INTEGER NOT NULL, attempts INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO agenda VALUES ('deliver', 1790000061000, 0);
      `);
      for (const [name, part] of FIRST_RELEASE.part) {
        const json = JSON.stringify({
          ...part,
          ...(name === "profile" && { id }),
          ...(name === "standing" && standing),
        });
        sql.exec("INSERT INTO part VALUES (?, ?)", name, json);
      }
      sql.exec("INSERT INTO retired_secret VALUES (?, ?, ?)", ...FIRST_RELEASE.retired);
      for (const event of FIRST_RELEASE.events) {
        sql.exec("INSERT INTO event VALUES (?, ?)", event.sequence, JSON.stringify(event));
      }
    });
    await evictDurableObject(stub);
    return { id, stub };
  }

  it("is brought forward when it wakes: the same key, the same secrets, the same counters", async () => {
    const { id, stub } = await oldKey();
    const answer = await stub.read(asked);
    expect(answer).toMatchObject({
      reached: true,
      record: {
        ...FIRST_RELEASE.part[0][1],
        id,
        environment: "live",
        version: 2,
        revision: 2,
        status: "active",
        ownerSuspended: false,
        lastUsedAt: 1790000120000,
        allowance: { quota: { used: 12, remaining: 38 } },
      },
    });
    const history = await stub.events({ ...asked, before: null, limit: 10 });
    expect(history.reached && history.events).toEqual(FIRST_RELEASE.events.toReversed());
    expect(await hears(stub, "the first")).toBe("key-rotated");
    expect(await hears(stub, "the second")).toBe("admitted");
    expect(await hears(stub, "nobody's")).toBe("wrong-secret");
    expect(await runInDurableObject(stub, (_object, { storage }) => schemaVersionOf(storage.sql))).toBe(SCHEMA_VERSION);
  });

  it("and was stopped, counts as stopped by an operator", async () => {
    const { stub } = await oldKey({ suspendedAt: 1790000110000, expiresAt: 1990000000000 });
    const authority: Authority = { kind: "control-key", keyId: aKeyId(), owner: null, scopes: ["rekey:*"] };
    const tenant = { ...asked, authority };
    const barred = { reached: false, because: "forbidden" };
    expect(await stub.resume(tenant)).toMatchObject(barred);
    const later = { amendment: { expiresAt: epochMs(1990000000001) }, expectedRevision: null };
    expect(await stub.amend({ ...tenant, ...later })).toMatchObject(barred);
    expect(await stub.resume(asked)).toMatchObject({ reached: true, done: true });
    expect(await stub.amend({ ...asked, ...later })).toMatchObject({ reached: true, done: true });
  });

  it("can do everything that came later", async () => {
    const { stub } = await oldKey();
    const own = { presented: digestOf("the second"), ip: null, idempotency: aCall(), ...asked };
    const first = await forgetful(stub, stub.rotateSelf(own));
    expect(first).toMatchObject({ done: true, record: { version: 3 } });
    expect(await forgetful(stub, stub.rotateSelf(own))).toEqual({ ...first, decision: expect.any(String) });
    expect(await forgetful(stub, stub.credit({ ...asked, credit: { add: 5 }, expectedRevision: 3 }))).toMatchObject({
      done: true,
      record: { allowance: { quota: { used: 12, remaining: 43 } } },
    });
    const order = { owner: "acme", order: { revision: 1, standing: "suspended" }, ...asked } as const;
    await forgetful(stub, stub.obey(order));
    expect(await forgetful(stub, stub.read(asked))).toMatchObject({ record: { ownerSuspended: true } });
    await forgetful(stub, stub.revoke(asked));
    expect(await forgetful(stub, stub.purge(asked))).toMatchObject({ purged: true });
    expect(await stub.read(asked)).toMatchObject({ reached: false });
  });

  it("tells the ledger its whole history again, as a chain: what the first release delivered had no hashes", async () => {
    const { id, stub } = await oldKey();
    const row = env.DB.prepare(
      `INSERT INTO events (key_id, sequence, type, at_ms, actor, request_id, detail)
       VALUES (?, 1, 'key.created', 1790000000000, 'admin', 'req_0', '{"version":1}')`,
    );
    await row.bind(id).run();
    await stub.read(asked);
    await runDurableObjectAlarm(stub);
    const chain = chained(id, GENESIS, FIRST_RELEASE.events).map(({ sequence, hash }) => ({ sequence, hash }));
    const told = env.DB.prepare("SELECT sequence, hash FROM events WHERE key_id = ? ORDER BY sequence").bind(id);
    await expect.poll(async () => (await told.all()).results).toEqual(chain);
    expect(await runInDurableObject(stub, (_object, { storage }) => new Book(storage).headsAfter(0, 10))).toEqual(
      chain,
    );
    expect((await ledgerOf(id)).sequences).toEqual([1, 2]);
  });
});

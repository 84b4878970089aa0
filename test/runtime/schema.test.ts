import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { migrate, SCHEMA_VERSION, schemaVersionOf } from "../../src/key-object/book-schema.ts";
import { Book } from "../../src/key-object/book.ts";
import { KeyObject } from "../../src/key-object/key-object.ts";
import { atRest, hears, openKey } from "../support/open-key.ts";

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
      const tables = ["part", "retired_secret", "event", "agenda"];
      return JSON.stringify(tables.map((table) => storage.sql.exec(`SELECT * FROM ${table}`).toArray()));
    });
    expect(everything).not.toContain(credential);
    expect(everything).not.toContain(credential.slice(-49, -17));
    expect(everything).toContain(credential.slice(-4));
  });
});

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";

const folder = join(import.meta.dirname, "../../migrations");
const migrations = readdirSync(folder)
  .filter((file) => file.endsWith(".sql"))
  .toSorted();

/** The ledger as the first release left it, with a key and its events in it. */
function asOfTheFirstRelease(): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  for (const file of migrations.slice(0, 2)) db.exec(readFileSync(join(folder, file), "utf8"));
  const record = JSON.stringify({ id: "key_1", name: "ÄPFEL", owner: "acme", scopes: ["a"] });
  db.prepare(
    `INSERT INTO keys (id, owner, name, status, pepper, version, revision, created_at_ms, expires_at_ms, record)
     VALUES ('key_1', 'acme', 'Apples', 'active', 'a', 1, 2, 5, NULL, ?)`,
  ).run(record);
  db.exec(
    `INSERT INTO events (key_id, sequence, type, at_ms, actor, request_id, detail)
     VALUES ('key_1', 1, 'key.created', 5, 'admin', 'req_1', '{}'), ('key_1', 2, 'key.rotated', 6, 'admin', 'req_2', '{}'),
            ('key_2', 1, 'key.created', 7, 'admin', 'req_3', '{}')`,
  );
  return db;
}

it("every migration has a number of its own", () => {
  const numbers = migrations.map((file) => /^(\d{4})_[a-z_]+\.sql$/.exec(file)?.[1]);
  expect(numbers).not.toContain(undefined);
  expect(new Set(numbers).size).toBe(migrations.length);
});

it("find among the keys that are there those that somebody lets live beyond their lifetime", () => {
  const db = asOfTheFirstRelease();
  const upTo = (first: number, last: number) => {
    for (const file of migrations.slice(first, last)) db.exec(readFileSync(join(folder, file), "utf8"));
  };
  upTo(2, 5);
  const row = db.prepare(
    `INSERT INTO keys (id, name, status, pepper, version, revision, created_at_ms, expires_at_ms, record)
     VALUES (?, '', 'active', 'a', 1, 1, 1000, ?, ?)`,
  );
  const add = (id: string, expiresAt: number | null, record: object) =>
    row.run(id, expiresAt, JSON.stringify({ kind: "token", lifetimeSeconds: 60, maxLifetimeSeconds: null, ...record }));
  const session = { kind: "session", lifetimeSeconds: 7200 };
  const capped = { ...session, maxLifetimeSeconds: 86_400 };
  add("token, at its end", 61_000, {});
  add("token, later", 61_001, {});
  add("token, never", null, {});
  add("no lifetime", 61_001, { lifetimeSeconds: null });
  add("session, slid", 9_000_000, session);
  add("session, by hand", 9_000_000, session);
  add("session, at its cap", 86_401_000, capped);
  add("session, behind its cap", 86_401_001, capped);
  db.exec(
    `INSERT INTO events (key_id, sequence, type, at_ms, actor, request_id, detail)
     VALUES ('session, slid', 1, 'key.amended', 5, 'admin', 'req_1', '{"name":{"before":"a","after":"b"}}'),
            ('session, by hand', 1, 'key.amended', 5, 'admin', 'req_1', '{"expiresAt":{"before":1,"after":null}}')`,
  );
  upTo(5, migrations.length);
  const found = db.prepare("SELECT id FROM keys WHERE beyond_lifetime = 1 ORDER BY id").all();
  expect(found.map(({ id }) => id)).toEqual([
    "session, behind its cap",
    "session, by hand",
    "token, later",
    "token, never",
  ]);
});

it("bring the ledger of the first release forward: every key and event of it can be found as any other", () => {
  const db = asOfTheFirstRelease();
  for (const file of migrations.slice(2)) db.exec(readFileSync(join(folder, file), "utf8"));
  const key = db.prepare("SELECT * FROM keys").get() as Record<string, string>;
  expect(key).toMatchObject({ owner: "acme", environment: "live", name_folded: "apples", revision: 2 });
  expect(JSON.parse(key["record"]!)).toEqual({
    id: "key_1",
    name: "ÄPFEL",
    owner: "acme",
    scopes: ["a"],
    environment: "live",
    ownerSuspended: false,
    suspicion: null,
    boundary: null,
  });
  const events = db.prepare("SELECT sequence, owner FROM events ORDER BY key_id, sequence").all();
  expect(events).toEqual([
    { sequence: 1, owner: "acme" },
    { sequence: 2, owner: "acme" },
    { sequence: 1, owner: null },
  ]);
});

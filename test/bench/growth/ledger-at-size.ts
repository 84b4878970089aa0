import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";

const migrations = join(import.meta.dirname, "..", "..", "..", "migrations");

/** A statement as it was asked, and what SQLite made of it. */
export type Asked = { readonly ms: number; readonly plan: readonly string[]; readonly rows: number };

/** A ledger with the schema of a deployment and so many keys and events, in SQLite alone. */
export class LedgerAtSize {
  readonly #folder = mkdtempSync(join(tmpdir(), "rekey-bench-ledger-"));
  readonly #db = new DatabaseSync(join(this.#folder, "ledger.sqlite"));
  #asked: Asked[] = [];

  /**
   * A tenth of the keys belongs to one owner, the others to 10,000; of a hundred keys two are suspended, five revoked
   * and ten expired; one in twenty is a test key, one in a thousand carries an old pepper, one in ten thousand lives
   * longer than its lifetime allows. One event for each key.
   */
  constructor(keys: number) {
    const db = this.#db;
    db.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000");
    for (const file of readdirSync(migrations).toSorted()) db.exec(readFileSync(join(migrations, file), "utf8"));
    db.exec(`
      BEGIN;
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${keys})
      INSERT INTO keys (id, owner, name, name_folded, environment, status, pepper, version, revision, created_at_ms,
                        expires_at_ms, beyond_lifetime, record)
      SELECT printf('key_%016d', (i * 7919) % 10000019),
             iif(i % 10 = 0, 'big', printf('owner-%d', (i * 31) % 10000)),
             printf('Worker %d', i), printf('worker %d', i),
             iif(i / 3 % 20 = 3, 'test', 'live'),
             CASE WHEN i / 7 % 100 < 2 THEN 'suspended' WHEN i / 7 % 100 < 7 THEN 'revoked' ELSE 'active' END,
             iif(i % 1000 = 11, 'a', 'b'), 1, 1, ${CREATED} + i * 1000,
             iif(i % 100 >= 90, ${CREATED}, NULL), i % 10000 = 17, '${RECORD}'
      FROM n;
      INSERT INTO events (key_id, sequence, type, at_ms, actor, request_id, detail, owner)
      SELECT id, 1, iif(created_at_ms % 50000 = 0, 'key.rotated', 'key.created'), created_at_ms, 'admin', 'req_' || id, '{}', owner
      FROM keys;
      COMMIT;
      ANALYZE;
    `);
  }

  /** What the product's own queries may take for D1. Each statement is also explained, and timed as a warm one. */
  readonly d1 = {
    prepare: (sql: string) => ({
      bind: (...values: SQLInputValue[]) => ({ all: async () => ({ results: this.#ask(sql, values) }) }),
    }),
  } as unknown as D1Database;

  /** What was asked since the last time. */
  takeAsked(): readonly Asked[] {
    const asked = this.#asked;
    this.#asked = [];
    return asked;
  }

  close(): void {
    this.#db.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #ask(sql: string, values: readonly SQLInputValue[]): readonly unknown[] {
    const plan = this.#db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[];
    const statement = this.#db.prepare(sql);
    statement.all(...values);
    const before = performance.now();
    const rows = statement.all(...values);
    this.#asked.push({ ms: performance.now() - before, plan: plan.map(({ detail }) => detail), rows: rows.length });
    return rows;
  }
}

/** When the first key was made, in epoch milliseconds. */
export const CREATED = 1_760_000_000_000;

/** The rest of a record, as long as a usual one. */
const RECORD = JSON.stringify({
  kind: "token",
  prefix: "rk_live",
  hint: "a1B2",
  scopes: ["orders:read", "orders:write"],
  allowedIps: [],
  quota: { limit: 10_000, period: "month", timezone: "UTC" },
  rateLimits: [{ name: "burst", algorithm: "window", limit: 100, windowSeconds: 60, unit: "request" }],
  rotation: null,
  maxConcurrent: null,
  selfRotate: true,
  ownerSuspended: false,
  metadata: { team: "billing", ticket: "OPS-1234" },
});

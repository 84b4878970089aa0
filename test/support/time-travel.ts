import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";

type Value = string | number | null;
type Rows = Readonly<Record<string, readonly Record<string, Value>[]>>;

const LEDGER_TABLES = ["keys", "events", "anchors", "chores"];

/** Everything that the ledger holds now. */
export async function ledgerCopy(): Promise<Rows> {
  const copies = LEDGER_TABLES.map(async (table) => {
    const { results } = await env.DB.prepare(`SELECT * FROM ${table}`).all<Record<string, Value>>();
    return [table, results] as const;
  });
  return Object.fromEntries(await Promise.all(copies));
}

/** The ledger as it was: what a restore from a backup does. */
export async function restoreLedger(copy: Rows): Promise<void> {
  const statements = Object.entries(copy).flatMap(([table, rows]) => [
    env.DB.prepare(`DELETE FROM ${table}`),
    ...rows.map((row) => env.DB.prepare(insertInto(table, row)).bind(...Object.values(row))),
  ]);
  await env.DB.batch(statements);
}

/** Everything that an object's storage holds now. */
export const objectCopy = (stub: DurableObjectStub): Promise<Rows> =>
  runInDurableObject(stub, (_object, { storage: { sql } }) => {
    const tables = sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
    const ours = tables.map(({ name }) => name).filter((name) => !name.startsWith("_cf_"));
    return Object.fromEntries(
      ours.map((table) => [table, sql.exec<Record<string, Value>>(`SELECT * FROM ${table}`).toArray()]),
    );
  });

/** The object as it was, and without its memory: what a point-in-time restore does. */
export async function restoreObject(stub: DurableObjectStub, copy: Rows): Promise<void> {
  await runInDurableObject(stub, (_object, { storage }) => {
    storage.transactionSync(() => {
      for (const [table, rows] of Object.entries(copy)) {
        storage.sql.exec(`DELETE FROM ${table}`);
        for (const row of rows) storage.sql.exec(insertInto(table, row), ...Object.values(row));
      }
    });
  });
  await evictDurableObject(stub);
}

const insertInto = (table: string, row: Readonly<Record<string, Value>>): string => {
  const columns = Object.keys(row);
  return `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
};

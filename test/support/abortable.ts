import type { Env } from "../../src/env.ts";
import { KeyObject } from "../../src/index.ts";
import { NEXT_KEY, type AbortPoint } from "./abort-points.ts";

/** At which point an object ends, once, by the id of its key. Shared by all objects of a process. */
const armed = new Map<string, AbortPoint>();

/** How many objects were woken in this process. */
let woken = 0;

/**
 * The door by which a test arms a point: `POST /_abort-point {key, point}`; `point: null` disarms it, no point only asks.
 * Says which point stood armed before (`null`: none, or it was met), and how many objects were woken so far.
 */
export async function armAbortPoint(request: Request): Promise<Response> {
  const { key, point } = await request.json<{ key: string; point?: AbortPoint | null }>();
  const before = armed.get(key) ?? null;
  if (point === null) armed.delete(key);
  else if (point !== undefined) armed.set(key, point);
  return Response.json({ before, woken });
}

/** A key's object that ends where it is told to. */
export class AbortableKeyObject extends KeyObject {
  readonly #meet: (point: AbortPoint) => void;

  constructor(ctx: DurableObjectState, env: Env) {
    woken += 1;
    const meet = meeting(ctx);
    surround(ctx.storage, meet);
    super(ctx, { ...env, DB: surrounded(env.DB, meet) });
    this.#meet = meet;
  }

  override alarm(): Promise<void> {
    this.#meet("in the alarm");
    return super.alarm();
  }
}

/** What happens at a point: nothing, or, if it is armed for this object, its end. */
function meeting(ctx: DurableObjectState): (point: AbortPoint) => void {
  const tables = ctx.storage.sql.exec("SELECT 1 FROM sqlite_master LIMIT 1").toArray();
  const isNew = tables.length === 0;
  return (point) => {
    const name = isNew && armed.has(NEXT_KEY) ? NEXT_KEY : (ctx.id.name ?? "");
    if (armed.get(name) !== point) return;
    armed.delete(name);
    // Storage that fails leaves it to the object to end itself.
    if (!point.startsWith("by a")) ctx.abort(`abort point: ${point}`);
    // What follows must not run, even if the platform lets it.
    throw new Error(`abort point: ${point}`);
  };
}

function surround(storage: DurableObjectStorage, meet: (point: AbortPoint) => void): void {
  const { sql } = storage;
  const transactionSync = storage.transactionSync.bind(storage);
  const exec = sql.exec.bind(sql) as (statement: string, ...values: unknown[]) => SqlStorageCursor<never>;
  const sync = storage.sync.bind(storage);
  let isInTransaction = false;

  storage.transactionSync = (write) => {
    meet("before the write");
    meet("by a write that fails");
    isInTransaction = true;
    try {
      const result = transactionSync(() => {
        const written = write();
        meet("in the write");
        return written;
      });
      meet("after the write");
      return result;
    } finally {
      isInTransaction = false;
    }
  };
  // A single statement is a transaction by itself: nothing of it is there before all of it is.
  sql.exec = ((statement: string, ...values: unknown[]) => {
    if (isInTransaction || /^\s*SELECT/i.test(statement)) return exec(statement, ...values);
    for (const point of ["before the write", "by a write that fails", "in the write"] as const) meet(point);
    const cursor = exec(statement, ...values);
    meet("after the write");
    return cursor;
  }) as SqlStorage["exec"];
  storage.sync = async () => {
    meet("by a sync that fails");
    await sync();
    meet("after the sync");
  };
}

const surrounded = (db: D1Database, meet: (point: AbortPoint) => void): D1Database =>
  ({
    prepare: (sql: string) => db.prepare(sql),
    async batch(statements: D1PreparedStatement[]) {
      meet("before the delivery");
      const results = await db.batch(statements);
      meet("after the delivery");
      return results;
    },
  }) as D1Database;

import * as product from "../../../src/index.ts";
import type { Env } from "../../../src/env.ts";

/**
 * The product with counters around what costs money: calls to objects, rows they write, alarms they set, calls to D1.
 * Nothing of it is deployed, and no speed is measured on it.
 */
export * from "../../../src/index.ts";

export type Counts = {
  /** Calls to objects. */
  readonly rpc: number;
  /** Rows that objects wrote and read, alarms that they set, and that rang. */
  readonly rows: number;
  readonly rowsRead: number;
  readonly alarms: number;
  readonly alarmRuns: number;
  /** Calls to D1, and the rows that they wrote and read. */
  readonly d1: number;
  readonly d1RowsWritten: number;
  readonly d1RowsRead: number;
};

type Tally = { -readonly [Name in keyof Counts]: Counts[Name] };

const nothing = (): Tally => ({
  rpc: 0,
  rows: 0,
  rowsRead: 0,
  alarms: 0,
  alarmRuns: 0,
  d1: 0,
  d1RowsWritten: 0,
  d1RowsRead: 0,
});

// One isolate runs the Worker and its objects in a local workerd, so that this is the sum of all.
let counts = nothing();
/** What was asked since then: how many rows a question read is known when its answer was. */
let cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];

export class KeyObject extends product.KeyObject {
  constructor(ctx: DurableObjectState, env: Env) {
    countWrites(ctx.storage);
    super(ctx, counted(env));
  }

  override async alarm(): Promise<void> {
    counts.alarmRuns += 1;
    await super.alarm();
  }
}

export default {
  /** `/counts` answers what was counted since it was last asked. Everything else is the product's. */
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== "/counts") return product.default.fetch(request, counted(env), ctx);
    for (const cursor of cursors) counts.rowsRead += cursor.rowsRead;
    const answer = Response.json(counts satisfies Counts);
    counts = nothing();
    cursors = [];
    return answer;
  },
} satisfies ExportedHandler<Env>;

const countedEnvs = new WeakMap<Env, Env>();

/** The environment with counters around its bindings; always the same for the same one, as the product expects. */
function counted(env: Env): Env {
  let wrapped = countedEnvs.get(env);
  if (wrapped === undefined) {
    wrapped = { ...env, DB: d1Counted(env.DB), KEYS: stubsCounted(env.KEYS) };
    countedEnvs.set(env, wrapped);
  }
  return wrapped;
}

function stubsCounted(namespace: DurableObjectNamespace): DurableObjectNamespace {
  return new Proxy(namespace, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (...args: unknown[]) => object;
      if (name !== "get" && name !== "getByName") return method.bind(target);
      return (...args: unknown[]) => callsCounted(method.apply(target, args));
    },
  });
}

function callsCounted<T extends object>(target: T): T {
  return new Proxy(target, {
    get: (_, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        counts.rpc += 1;
        return Reflect.apply(member, target, args);
      };
    },
  });
}

/** Objects write to D1 in batches alone, and no decision asks it anything. */
function d1Counted(db: D1Database): D1Database {
  return new Proxy(db, {
    get: (_, name) => {
      if (name !== "batch")
        return (...args: unknown[]): unknown => Reflect.apply(Reflect.get(db, name) as () => void, db, args);
      return async (statements: D1PreparedStatement[]) => {
        counts.d1 += 1;
        const results = await db.batch(statements);
        for (const { meta } of results) {
          counts.d1RowsWritten += meta.rows_written;
          counts.d1RowsRead += meta.rows_read;
        }
        return results;
      };
    },
  });
}

function countWrites(storage: DurableObjectStorage): void {
  const exec = storage.sql.exec.bind(storage.sql);
  storage.sql.exec = <T extends Record<string, SqlStorageValue>>(query: string, ...bindings: unknown[]) => {
    const cursor = exec<T>(query, ...bindings);
    counts.rows += cursor.rowsWritten;
    cursors.push(cursor);
    return cursor;
  };
  const setAlarm = storage.setAlarm.bind(storage);
  storage.setAlarm = async (...args) => {
    counts.alarms += 1;
    return setAlarm(...args);
  };
}

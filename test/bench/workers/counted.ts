import * as product from "../../../src/index.ts";
import type { Env } from "../../../src/env.ts";

/**
 * The product with counters around what costs money: calls to objects, rows they write, alarms they set, calls to D1.
 * Nothing of it is deployed, and no speed is measured on it.
 */
export * from "../../../src/index.ts";

export type Counts = { rpc: number; rows: number; alarms: number; d1: number };

// One isolate runs the Worker and its objects in a local workerd, so that this is the sum of all.
let counts: Counts = { rpc: 0, rows: 0, alarms: 0, d1: 0 };

export class KeyObject extends product.KeyObject {
  constructor(ctx: DurableObjectState, env: Env) {
    countWrites(ctx.storage);
    super(ctx, counted(env));
  }
}

export default {
  /** `/counts` answers what was counted since it was last asked. Everything else is the product's. */
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== "/counts") return product.default.fetch(request, counted(env), ctx);
    const answer = Response.json(counts);
    counts = { rpc: 0, rows: 0, alarms: 0, d1: 0 };
    return answer;
  },
} satisfies ExportedHandler<Env>;

const countedEnvs = new WeakMap<Env, Env>();

/** The environment with counters around its bindings; always the same for the same one, as the product expects. */
function counted(env: Env): Env {
  let wrapped = countedEnvs.get(env);
  if (wrapped === undefined) {
    wrapped = { ...env, DB: callsCounted(env.DB, "d1"), KEYS: stubsCounted(env.KEYS) };
    countedEnvs.set(env, wrapped);
  }
  return wrapped;
}

function stubsCounted(namespace: DurableObjectNamespace): DurableObjectNamespace {
  return new Proxy(namespace, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (...args: unknown[]) => object;
      if (name !== "get" && name !== "getByName") return method.bind(target);
      return (...args: unknown[]) => callsCounted(method.apply(target, args), "rpc");
    },
  });
}

function callsCounted<T extends object>(target: T, what: "rpc" | "d1"): T {
  return new Proxy(target, {
    get: (_, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        counts[what] += 1;
        return Reflect.apply(member, target, args);
      };
    },
  });
}

function countWrites(storage: DurableObjectStorage): void {
  const exec = storage.sql.exec.bind(storage.sql);
  storage.sql.exec = <T extends Record<string, SqlStorageValue>>(query: string, ...bindings: unknown[]) => {
    const cursor = exec<T>(query, ...bindings);
    counts.rows += cursor.rowsWritten;
    return cursor;
  };
  const setAlarm = storage.setAlarm.bind(storage);
  storage.setAlarm = async (...args) => {
    counts.alarms += 1;
    return setAlarm(...args);
  };
}

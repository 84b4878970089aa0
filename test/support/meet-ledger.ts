import { env } from "cloudflare:workers";

/**
 * What the next deliveries to the ledger meet. `pass`: the real database. `fail`: an error, nothing done. `lose`: the
 * statements commit and their answer is lost. `hang`: no answer until `release`, then the real database.
 */
export type Meeting = "pass" | "fail" | "lose" | "hang";

export type Ledger = Disposable & {
  meets: Meeting;
  /** How often an object has delivered, in vain or not. */
  deliveries: number;
  /** The most deliveries that were under way at once. */
  mostAtOnce: number;
  /** Lets go whatever hangs. */
  release(): void;
};

/** Stands between all objects and the real D1 until it is disposed of. */
export function meetLedger(): Ledger {
  const database = Object.getPrototypeOf(env.DB) as D1Database;
  // oxlint-disable-next-line typescript/unbound-method -- it is called with the database it is called on
  const real = database.batch;
  let released = Promise.withResolvers<void>();
  let underWay = 0;
  const ledger: Ledger = {
    meets: "pass",
    deliveries: 0,
    mostAtOnce: 0,
    release() {
      released.resolve();
      released = Promise.withResolvers();
    },
    [Symbol.dispose]() {
      ledger.release();
      database.batch = real;
    },
  };
  database.batch = async function <T>(this: D1Database, statements: D1PreparedStatement[]): Promise<D1Result<T>[]> {
    const meeting = ledger.meets;
    ledger.deliveries += 1;
    underWay += 1;
    ledger.mostAtOnce = Math.max(ledger.mostAtOnce, underWay);
    try {
      if (meeting === "fail") throw new Error("D1_ERROR: injected");
      if (meeting === "hang") await released.promise;
      const results = await real.call(this, statements);
      if (meeting === "lose") throw new Error("D1_ERROR: the answer was lost");
      return results as D1Result<T>[];
    } finally {
      underWay -= 1;
    }
  };
  return ledger;
}

/**
 * The ledger answers no question at all, until this is disposed of: not to keys, not to owners.
 * @param which only to statements like this.
 */
export function ledgerDown(which = /^/): Disposable {
  const database = Object.getPrototypeOf(env.DB) as D1Database;
  // oxlint-disable-next-line typescript/unbound-method -- it is put back as it was
  const real = database.prepare;
  database.prepare = function (this: D1Database, sql: string) {
    if (which.test(sql)) throw new Error("D1_ERROR: injected");
    return real.call(this, sql);
  };
  return { [Symbol.dispose]: () => void (database.prepare = real) };
}

/** What the ledger has of a key: the sequences of its events in order, and its row. */
export async function ledgerOf(id: string): Promise<{ sequences: number[]; row: Record<string, unknown> | null }> {
  const events = await env.DB.prepare("SELECT sequence FROM events WHERE key_id = ? ORDER BY sequence").bind(id).all();
  const row = await env.DB.prepare("SELECT status, version, revision FROM keys WHERE id = ?").bind(id).first();
  return { sequences: events.results.map(({ sequence }) => sequence as number), row };
}

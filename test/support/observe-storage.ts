import { runInDurableObject } from "cloudflare:test";
import type { Stub } from "./open-key.ts";

/** What an object has written since the observation began. */
export type Written = {
  /** Rows as the platform bills them, alarms included. */
  rows: number;
  /** The statements that wrote, in order. */
  readonly statements: string[];
};

/** What storage holds tells whose it is: an object that sleeps and wakes finds it through other JavaScript objects. */
const WHOSE = "SELECT json ->> '$.id' AS id FROM part WHERE name = 'profile'";

/**
 * Watches what a key's object writes to its storage, by the platform's own count, over any number of wakings. Objects run
 * beside the test, so one look at any of them finds the methods that all of them use; what others write, keys of earlier
 * tests that still have something to tell the ledger, does not count.
 */
export async function observeStorage(stub: Stub): Promise<Written & Disposable> {
  const seen: Written & { undo: () => void } = { rows: 0, statements: [], undo: () => undefined };
  await runInDurableObject(stub, (_object, { storage }) => {
    const sql = Object.getPrototypeOf(storage.sql) as SqlStorage;
    const alarms = Object.getPrototypeOf(storage) as DurableObjectStorage;
    /* oxlint-disable typescript/unbound-method -- each is called with the storage it is called on */
    const { exec } = sql;
    const { setAlarm } = alarms;
    /* oxlint-enable typescript/unbound-method */
    const ownerOf = (of: SqlStorage): unknown => {
      const [table] = exec.call(of, "SELECT 1 FROM sqlite_master WHERE name = 'part'");
      return table === undefined ? null : exec.call(of, WHOSE).toArray()[0]?.["id"];
    };
    const observed = ownerOf(storage.sql);
    if (typeof observed !== "string") throw new Error("there is no key in this storage");
    sql.exec = function (this: SqlStorage, query: string, ...bindings: unknown[]) {
      const cursor = exec.call(this, query, ...bindings);
      if (cursor.rowsWritten === 0 || ownerOf(this) !== observed) return cursor;
      seen.statements.push(query.trim());
      seen.rows += cursor.rowsWritten;
      return cursor;
    } as typeof exec;
    alarms.setAlarm = function (this: DurableObjectStorage, ...args: Parameters<typeof setAlarm>) {
      if (ownerOf(this.sql) === observed) {
        seen.statements.push("setAlarm");
        seen.rows += 1;
      }
      return setAlarm.apply(this, args);
    };
    seen.undo = () => {
      sql.exec = exec;
      alarms.setAlarm = setAlarm;
    };
  });
  return Object.assign(seen, { [Symbol.dispose]: () => seen.undo() });
}

import { runInDurableObject } from "cloudflare:test";
import type { Stub } from "./open-key.ts";

/** What objects have written since the observation began. */
export type Written = {
  /** Rows as the platform bills them, alarms included. */
  rows: number;
  /** The statements that wrote, in order. */
  readonly statements: string[];
};

/**
 * Watches what is written to the storage of all objects, by the platform's own count. Objects run beside the test, so
 * one look at any of them finds the methods that all of them use.
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
    sql.exec = function (this: SqlStorage, query: string, ...bindings: unknown[]) {
      const cursor = exec.call(this, query, ...bindings);
      if (cursor.rowsWritten > 0) seen.statements.push(query.trim());
      seen.rows += cursor.rowsWritten;
      return cursor;
    } as typeof exec;
    alarms.setAlarm = function (this: DurableObjectStorage, ...args: Parameters<typeof setAlarm>) {
      seen.statements.push("setAlarm");
      seen.rows += 1;
      return setAlarm.apply(this, args);
    };
    seen.undo = () => {
      sql.exec = exec;
      alarms.setAlarm = setAlarm;
    };
  });
  return Object.assign(seen, { [Symbol.dispose]: () => seen.undo() });
}

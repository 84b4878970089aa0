import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";

/**
 * The part of an object's storage that the book of a key uses, on a SQLite of Node's own: so that what is written and
 * read back is proved in one process, thousands of times a second, with the power to fail in the middle of a write.
 */
export class SqliteStorage {
  readonly #db = new DatabaseSync(":memory:");
  readonly #prepared = new Map<string, StatementSync>();
  /** How many statements still succeed; the one after them fails as if the process had ended there. */
  failsAfter = Infinity;

  readonly sql = {
    exec: (sql: string, ...values: SQLInputValue[]) => {
      this.failsAfter -= 1;
      if (this.failsAfter < 0) throw new Killed();
      if (values.length === 0 && !/^\s*SELECT/i.test(sql)) return this.#db.exec(sql);
      const rows = this.#statement(sql).all(...values);
      return { toArray: () => rows, one: () => rows[0] };
    },
  };

  transactionSync<T>(write: () => T): T {
    this.#db.exec("BEGIN");
    try {
      const result = write();
      this.#db.exec("COMMIT");
      return result;
    } catch (cause) {
      this.#db.exec("ROLLBACK");
      throw cause;
    }
  }

  setAlarm = async (): Promise<void> => {};
  deleteAlarm = async (): Promise<void> => {};
  close = (): void => this.#db.close();

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) this.#prepared.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }
}

/** The process ended here. Nobody catches it but who planned it. */
export class Killed extends Error {}

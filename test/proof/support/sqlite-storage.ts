import type { SQLInputValue } from "node:sqlite";
import { ReusedDatabase } from "./reused-database.ts";

/**
 * The part of an object's storage that the book of a key uses, on a SQLite of Node's own: so that what is written and
 * read back is proved in one process, thousands of times a second, with the power to fail in the middle of a write.
 */
export class SqliteStorage {
  readonly #database: ReusedDatabase;
  /** How many statements still succeed; the one after them fails as if the process had ended there. */
  failsAfter = Infinity;

  /** @param isProvisioned whether the tables are there already; otherwise the first write makes them. */
  constructor(isProvisioned: boolean) {
    this.#database = ReusedDatabase.take(isProvisioned);
  }

  readonly sql = {
    exec: (sql: string, ...values: SQLInputValue[]) => {
      this.failsAfter -= 1;
      if (this.failsAfter < 0) throw new Killed();
      return this.#database.exec(sql, ...values);
    },
  };

  transactionSync = <T>(write: () => T): T => this.#database.atomically(write);

  setAlarm = async (): Promise<void> => {};
  deleteAlarm = async (): Promise<void> => {};
  close = (): void => this.#database.give();
}

/** The process ended here. Nobody catches it but who planned it. */
export class Killed extends Error {}

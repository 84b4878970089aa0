import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { migrate } from "../../../src/key-object/book-schema.ts";

/**
 * A database in memory that is used again and again: to put back what one key did to it is a hundred times cheaper than
 * to open another.
 */
export class ReusedDatabase {
  static readonly #unused: { readonly [isProvisioned: string]: ReusedDatabase[] } = { true: [], false: [] };
  readonly #db = new DatabaseSync(":memory:");
  readonly #prepared = new Map<string, StatementSync>();
  readonly #isProvisioned: boolean;

  private constructor(isProvisioned: boolean) {
    this.#isProvisioned = isProvisioned;
    if (isProvisioned) migrate({ exec: this.exec } as unknown as SqlStorage, 0);
    this.#db.exec("SAVEPOINT begin");
  }

  /** With the tables of a key and no key in them, or with nothing at all. */
  static take(isProvisioned: boolean): ReusedDatabase {
    return ReusedDatabase.#unused[String(isProvisioned)]!.pop() ?? new ReusedDatabase(isProvisioned);
  }

  give(): void {
    this.#db.exec("ROLLBACK TO begin");
    ReusedDatabase.#unused[String(this.#isProvisioned)]!.push(this);
  }

  read = (sql: string, values: readonly SQLInputValue[]) => this.#statement(sql).all(...values);

  run(sql: string, values: readonly SQLInputValue[]): void {
    // Without values it may be several statements, as those of a schema are.
    if (values.length === 0) this.#db.exec(sql);
    else this.#statement(sql).run(...values);
  }

  /** What `SqlStorage.exec` does, as far as the book of a key uses it. */
  exec = (sql: string, ...values: SQLInputValue[]) => {
    if (!isQuestion(sql)) return this.run(sql, values);
    const rows = this.read(sql, values);
    return { toArray: () => rows, one: () => rows[0], [Symbol.iterator]: () => rows[Symbol.iterator]() };
  };

  /** All of `write` is done, or nothing of it. */
  atomically<T>(write: () => T): T {
    this.#statement("SAVEPOINT step").run();
    try {
      return write();
    } catch (cause) {
      this.#statement("ROLLBACK TO step").run();
      throw cause;
    } finally {
      this.#statement("RELEASE step").run();
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) this.#prepared.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }
}

export const isQuestion = (sql: string): boolean => /^\s*SELECT/i.test(sql);

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { Env } from "../../../src/env.ts";
import { faultOf } from "../../support/d1-limits.ts";
import { testSecrets } from "../../support/settings.ts";
import type { Actor, World } from "./world.ts";

const MIGRATIONS = join(import.meta.dirname, "../../../migrations");

/** One row of a table, by the names of its columns. */
export type Row = Readonly<Record<string, unknown>>;

type Statement = { readonly sql: string; readonly values: readonly SQLInputValue[] };

/**
 * The ledger, with its real tables and the statements that the product sends it, at the end of a bad line: a delivery is
 * late, lost, carried out twice or after a newer one, and so is the word of it.
 */
export class SimulatedLedger {
  readonly #db = new DatabaseSync(":memory:");
  readonly #prepared = new Map<string, StatementSync>();
  #world: World | null = null;
  /** Called after each delivery, with what the ledger says. */
  #watch: (() => void) | null = null;
  /** Nothing bad happens any more. */
  healthy = false;
  deliveries = 0;

  constructor() {
    for (const file of readdirSync(MIGRATIONS).toSorted()) this.#db.exec(readFileSync(join(MIGRATIONS, file), "utf8"));
    this.#db.exec("SAVEPOINT begin");
  }

  /** Begins anew, empty, in another world. */
  begin(world: World, watch: () => void): void {
    this.#db.exec("ROLLBACK TO begin");
    this.#world = world;
    this.#watch = watch;
    this.healthy = false;
  }

  rows(sql: string, ...values: SQLInputValue[]): readonly Row[] {
    return this.#statement(sql).all(...values);
  }

  /**
   * The binding of every instance. What one sends waits for its storage: the platform lets nothing out before all writes
   * are confirmed.
   */
  readonly binding = {
    prepare: (sql: string) => ({ bind: (...values: SQLInputValue[]): Statement => ({ sql, values }) }),
    batch: async (statements: readonly Statement[]) => {
      for (const { sql, values } of statements) {
        const fault = faultOf(sql, values);
        if (fault !== null) throw new Error(fault);
      }
      const sender = this.#world!.actor as Actor & { readonly replica: { sync(): Promise<void> } };
      await sender.replica.sync();
      return new Promise((resolve, reject) => this.#deliver(statements, sender, resolve, reject));
    },
  } as unknown as D1Database;

  /** The settings of the object: one for all instances, as they are read once. */
  readonly env = { ...testSecrets, MODE: "verify", DB: this.binding } as unknown as Env;

  #deliver(
    statements: readonly Statement[],
    by: Actor,
    resolve: (answer: unknown) => void,
    reject: (cause: Error) => void,
  ): void {
    const world = this.#world!;
    const { roll } = world;
    const arrive = (ms: number, then: () => void = () => {}) =>
      world.in(ms, null, () => {
        this.#apply(statements);
        then();
      });
    const answer = () => world.in(1 + roll.below(20), by, () => resolve([]));
    const fail = (ms: number) => world.in(ms, by, () => reject(new Error("the line is broken")));
    if (this.healthy) return void arrive(1, answer);
    switch (roll.below(10)) {
      case 0:
        // Lost, and nobody says so.
        return;
      case 1:
        return void fail(1 + roll.below(500));
      case 2:
        // Carried out, and the word of it is lost, or is the opposite.
        arrive(1 + roll.below(500));
        if (roll.onceIn(2)) fail(1 + roll.below(500));
        return;
      case 3:
        // Carried out long after everybody has given up on it.
        return void arrive(roll.below(120_000));
      case 4:
        // Carried out twice, the second time late.
        arrive(1 + roll.below(50), answer);
        return void arrive(50 + roll.below(60_000));
      case 5:
        return void arrive(roll.below(2_000), answer);
      default:
        return void arrive(1 + roll.below(20), answer);
    }
  }

  #apply(statements: readonly Statement[]): void {
    this.deliveries += 1;
    this.#statement("SAVEPOINT delivery").run();
    for (const { sql, values } of statements) this.#statement(sql).run(...values);
    this.#statement("RELEASE delivery").run();
    this.#watch!();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) this.#prepared.set(sql, (statement = this.#db.prepare(sql)));
    return statement;
  }
}

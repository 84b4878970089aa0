/**
 * What a question to the ledger meets.
 * `pass`: the real database. `fail`: an error, nothing done. `hang`: no answer until the fault is lifted, then an error.
 * `lose`: the statement runs and commits, and its answer is lost.
 */
export type LedgerFault = "pass" | "fail" | "hang" | "lose";

/** Asks the test, over a service binding, what the next question to the ledger meets. The test counts the questions. */
type Ask = () => Promise<LedgerFault>;

/** A D1 database that obeys `ask`. Covers what the ledger uses: prepare, bind, first, all, run, raw, batch, exec. */
export function faultyD1(real: D1Database, ask: Ask): D1Database {
  const meet = async <T>(step: () => Promise<T>): Promise<T> => {
    const fault = await ask();
    if (fault === "pass") return step();
    if (fault === "lose") await step();
    throw new Error(`D1_ERROR: injected fault: ${fault}`);
  };

  // The real statement behind each wrapped one: a batch needs them.
  const behind = new WeakMap<object, D1PreparedStatement>();
  const wrap = (statement: D1PreparedStatement): D1PreparedStatement => {
    const wrapped = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      first: (...column: [string]) => meet(() => statement.first(...column)),
      all: () => meet(() => statement.all()),
      run: () => meet(() => statement.run()),
      raw: (...options: [{ columnNames: true }]) => meet(() => statement.raw(...options)),
    } as D1PreparedStatement;
    behind.set(wrapped, statement);
    return wrapped;
  };

  return {
    prepare: (sql: string) => wrap(real.prepare(sql)),
    batch: (statements: D1PreparedStatement[]) => meet(() => real.batch(statements.map((each) => behind.get(each)!))),
    exec: (sql: string) => meet(() => real.exec(sql)),
  } as D1Database;
}

/**
 * D1's documented limits, held to by the local database too: workerd lets a string have four times as many bytes. Stands
 * before the real database in every isolate under test, because it is put over the methods of the platform's own classes:
 * whoever has a binding to D1 has these. To be imported for that alone, before anything asks the ledger; inside Node,
 * where the platform is not, `faultOf` judges by itself.
 *
 * What local workerd holds to itself, as the bytes of a pattern, is in the test of this file, so that it is known to be so.
 */

/** As Cloudflare documents them, in bytes of UTF-8 where they are no numbers of things. */
export const D1_LIMITS = {
  statementBytes: 100_000,
  /** Of a string, a blob and a row. */
  valueBytes: 2_000_000,
  parameters: 100,
  functionArguments: 32,
  resultBytes: 50_000_000,
} as const;

/**
 * Why D1 would not run a statement; `null`: it would. The bytes of a row are taken to be those of all parameters: what is
 * written comes from them, so no row that is too large gets by.
 */
export function faultOf(sql: string, values: readonly unknown[]): string | null {
  if (bytesOf(sql) > D1_LIMITS.statementBytes) return "D1_ERROR: statement too long: SQLITE_TOOBIG";
  if (mostArguments(sql) > D1_LIMITS.functionArguments) return "D1_ERROR: too many arguments on function: SQLITE_ERROR";
  if (values.length > D1_LIMITS.parameters) return "D1_ERROR: too many SQL variables: SQLITE_ERROR";
  const bytes = values.reduce<number>((sum, value) => sum + bytesOf(value), 0);
  return bytes > D1_LIMITS.valueBytes ? "D1_ERROR: string or blob too big: SQLITE_TOOBIG" : null;
}

/** Words before a bracket that are no names of functions. */
const NO_FUNCTION = new Set([
  "in",
  "values",
  "into",
  "on",
  "conflict",
  "key",
  "unique",
  "check",
  "as",
  "and",
  "or",
  "not",
]);

/** The most arguments that any function of a statement is called with. */
function mostArguments(sql: string): number {
  let most = 0;
  // One for each bracket that is open: how many arguments it has; `null` where no function is called.
  const open: (number | null)[] = [];
  for (const [token, name] of sql.matchAll(/'(?:[^']|'')*'|"[^"]*"|--[^\n]*|(\w+)\s*\(|[(),]/g)) {
    if (token.endsWith("(")) open.push(name !== undefined && !NO_FUNCTION.has(name.toLowerCase()) ? 1 : null);
    else if (token === ")") most = Math.max(most, open.pop() ?? 0);
    else if (token === "," && typeof open.at(-1) === "number") open[open.length - 1]! += 1;
  }
  return most;
}

const encoder = new TextEncoder();

function bytesOf(value: unknown): number {
  if (typeof value === "string") return encoder.encode(value).length;
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return value.byteLength;
  return 8;
}

type Prototypes = { readonly database: D1Database; readonly statement: D1PreparedStatement };

const HELD = Symbol.for("held to the limits of D1");

/** Puts the limits over the classes of a binding; a second time it is nothing. */
export function holdToLimits(db: D1Database): void {
  const database = Object.getPrototypeOf(db) as Prototypes["database"] & { [HELD]?: true };
  if (database[HELD]) return;
  const statement = Object.getPrototypeOf(db.prepare("SELECT 1")) as Prototypes["statement"];
  const faults = new WeakMap<D1PreparedStatement, string>();
  const texts = new WeakMap<D1PreparedStatement, string>();

  const judged = (made: D1PreparedStatement, sql: string, values: readonly unknown[]): D1PreparedStatement => {
    texts.set(made, sql);
    const fault = faultOf(sql, values);
    if (fault !== null) faults.set(made, fault);
    return made;
  };
  // oxlint-disable-next-line typescript/unbound-method -- each is called with what it is called on
  const [prepare, batch, bind] = [database.prepare, database.batch, statement.bind];
  database.prepare = function (sql) {
    return judged(prepare.call(this, sql), sql, []);
  };
  statement.bind = function (...values) {
    return judged(bind.apply(this, values), texts.get(this) ?? "", values);
  };
  // As the platform does: it is told when a statement is run, and of a batch none is.
  database.batch = async function <T>(statements: D1PreparedStatement[]) {
    for (const each of statements) meet(faults.get(each));
    return fitting(await (batch.call(this, statements) as Promise<D1Result<T>[]>));
  };
  for (const name of ["first", "all", "run", "raw"] as const) {
    const run = statement[name] as (...options: unknown[]) => Promise<unknown>;
    (statement as Record<typeof name, unknown>)[name] = async function (
      this: D1PreparedStatement,
      ...options: unknown[]
    ) {
      meet(faults.get(this));
      return fitting(await run.apply(this, options));
    };
  }
  Object.defineProperty(database, HELD, { value: true });
}

function meet(fault: string | undefined): void {
  if (fault !== undefined) throw new Error(fault);
}

function fitting<Result>(result: Result): Result {
  // A character has up to three bytes: what is short enough in characters needs no counting.
  const text = JSON.stringify(result);
  if (text.length * 3 > D1_LIMITS.resultBytes && bytesOf(text) > D1_LIMITS.resultBytes) {
    throw new Error("D1_ERROR: the result of the query is too large");
  }
  return result;
}

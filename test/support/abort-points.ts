/**
 * Places at which a key's object under test can be made to end, as a crash of its machine would end it. They lie around
 * the object, in what it is given: its own code, and what is deployed, contain none.
 */
export const ABORT_POINTS = [
  "before the write",
  "in the write",
  "after the write",
  "after the sync",
  "before the delivery",
  "after the delivery",
  "in the alarm",
] as const;
export type AbortPoint = (typeof ABORT_POINTS)[number];

/** Stands for whichever object is created next. */
export const NEXT_KEY = "the next key";

/** At which point an object ends, once, by the id of its key. Shared by all objects of a process. */
const armed = new Map<string, AbortPoint>();

/**
 * The door by which a test arms a point: `POST /_abort-point {key, point}`; `point: null` disarms it, no point only asks.
 * Says which point stood armed before; `null`: none, or it was met.
 */
export async function armAbortPoint(request: Request): Promise<Response> {
  const { key, point } = await request.json<{ key: string; point?: AbortPoint | null }>();
  const before = armed.get(key) ?? null;
  if (point === null) armed.delete(key);
  else if (point !== undefined) armed.set(key, point);
  return Response.json({ before });
}

/** Puts abort points around the storage of an object, and gives back what goes around its ledger and its alarm. */
export function withAbortPoints(ctx: DurableObjectState) {
  const { storage } = ctx;
  const isNew = storage.sql.exec("SELECT 1 FROM sqlite_master LIMIT 1").toArray().length === 0;
  const meet = (point: AbortPoint): void => {
    const name = isNew && armed.has(NEXT_KEY) ? NEXT_KEY : (ctx.id.name ?? "");
    if (armed.get(name) !== point) return;
    armed.delete(name);
    ctx.abort(`abort point: ${point}`);
    // What follows must not run, even if the platform lets it.
    throw new Error(`abort point: ${point}`);
  };

  const transactionSync = storage.transactionSync.bind(storage);
  storage.transactionSync = (write) => {
    meet("before the write");
    const result = transactionSync(() => {
      const written = write();
      meet("in the write");
      return written;
    });
    meet("after the write");
    return result;
  };
  const sync = storage.sync.bind(storage);
  storage.sync = async () => {
    await sync();
    meet("after the sync");
  };

  return {
    meet,
    around: (db: D1Database): D1Database =>
      ({
        prepare: (sql: string) => db.prepare(sql),
        async batch(statements: D1PreparedStatement[]) {
          meet("before the delivery");
          const results = await db.batch(statements);
          meet("after the delivery");
          return results;
        },
      }) as D1Database,
  };
}

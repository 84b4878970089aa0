import { fromLedger } from "./unavailable.ts";

/** Where a chore goes on, as it was last written; `null` before it was ever done. */
export async function readChore<State>(db: D1Database, name: string): Promise<State | null> {
  const row = await fromLedger(
    db.prepare("SELECT state FROM chores WHERE name = ?1").bind(name).first<{ state: string }>(),
  );
  return row === null ? null : (JSON.parse(row.state) as State);
}

export async function writeChore(db: D1Database, name: string, state: object): Promise<void> {
  await fromLedger(
    db
      .prepare(
        "INSERT INTO chores (name, state) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET state = excluded.state",
      )
      .bind(name, JSON.stringify(state))
      .run(),
  );
}

import type { EpochMs } from "../key/time.ts";
import { fromLedger } from "./unavailable.ts";

/** What one actor has read by one operation in one minute, and a sample of it. */
export type Reads = {
  /** When the minute began. */
  readonly minute: EpochMs;
  readonly actor: string;
  readonly operation: string;
  readonly count: number;
  /** What the sample asked about; `null` for a list. */
  readonly about: string | null;
  readonly requestId: string;
  readonly ip: string | null;
  /** ISO 3166-1 alpha-2. */
  readonly country: string | null;
};

/** Adds to what is there of the same minute, actor and operation. */
export async function addReads(db: D1Database, reads: readonly Reads[]): Promise<void> {
  const add = db.prepare(
    `INSERT INTO reads (minute_ms, actor, operation, reads, key_id, request_id, ip, country)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
     ON CONFLICT (minute_ms, actor, operation) DO UPDATE SET reads = reads.reads + excluded.reads`,
  );
  await fromLedger(
    db.batch(
      reads.map(({ minute, actor, operation, count, about, requestId, ip, country }) =>
        add.bind(minute, actor, operation, count, about, requestId, ip, country),
      ),
    ),
  );
}

/** Forgets what is older, the oldest first, at most so many rows. */
export async function deleteReadsBefore(db: D1Database, before: EpochMs, limit: number): Promise<void> {
  const oldest = "SELECT minute_ms, actor, operation FROM reads WHERE minute_ms < ?1 ORDER BY minute_ms LIMIT ?2";
  await fromLedger(
    db.prepare(`DELETE FROM reads WHERE (minute_ms, actor, operation) IN (${oldest})`).bind(before, limit).run(),
  );
}

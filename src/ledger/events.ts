import type { KeyId } from "../key/credential.ts";
import type { EventType, KeyEvent } from "../key/event.ts";
import type { JsonValue } from "../key/policy.ts";
import { epochMs } from "../key/time.ts";
import { fromLedger } from "./unavailable.ts";

/** Adds events of one key; those that are there already stay as they are. Two parameters, however many events. */
export const insertEvents = (db: D1Database, keyId: KeyId, events: readonly KeyEvent[]): D1PreparedStatement =>
  // `WHERE true` tells SQLite's parser that ON CONFLICT does not begin a join.
  db
    .prepare(
      `INSERT INTO events (key_id, sequence, type, at_ms, actor, request_id, ip, user_agent, country, detail)
       SELECT ?1, value ->> 'sequence', value ->> 'type', value ->> 'at',
              value ->> '$.by.actor', value ->> '$.by.requestId', value ->> '$.by.ip', value ->> '$.by.userAgent',
              value ->> '$.by.country', value -> 'detail'
       FROM json_each(?2) WHERE true
       ON CONFLICT (key_id, sequence) DO NOTHING`,
    )
    .bind(keyId, JSON.stringify(events));

/** The events of a key with a sequence below `before`, newest first; `null` begins with the newest. */
export async function readEvents(
  db: D1Database,
  keyId: KeyId,
  { before, limit }: { readonly before: number | null; readonly limit: number },
): Promise<readonly KeyEvent[]> {
  const { results } = await fromLedger(
    db
      .prepare(
        `SELECT sequence, type, at_ms, actor, request_id, ip, user_agent, country, detail FROM events
         WHERE key_id = ?1 AND sequence < ?2 ORDER BY sequence DESC LIMIT ?3`,
      )
      .bind(keyId, before ?? Number.MAX_SAFE_INTEGER, limit)
      .all<Row>(),
  );
  return results.map(eventOf);
}

type Row = {
  readonly sequence: number;
  readonly type: EventType;
  readonly at_ms: number;
  readonly actor: string;
  readonly request_id: string;
  readonly ip: string | null;
  readonly user_agent: string | null;
  readonly country: string | null;
  readonly detail: string;
};

const eventOf = (row: Row): KeyEvent => ({
  sequence: row.sequence,
  type: row.type,
  at: epochMs(row.at_ms),
  by: {
    actor: row.actor,
    requestId: row.request_id,
    ip: row.ip,
    userAgent: row.user_agent,
    country: row.country,
  },
  detail: JSON.parse(row.detail) as { readonly [name: string]: JsonValue },
});

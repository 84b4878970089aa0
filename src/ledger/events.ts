import type { KeyId } from "../key/credential.ts";
import type { ChainedEvent } from "../key/chain.ts";
import type { EventType, KeyEvent } from "../key/event.ts";
import type { JsonValue } from "../key/policy.ts";
import { epochMs } from "../key/time.ts";
import { parameters, where } from "./conditions.ts";
import { rowTexts } from "./row-texts.ts";
import { fromLedger } from "./unavailable.ts";

/**
 * Adds events of one key; those that are there already stay as they are, but for a hash that they came without. One
 * statement of three parameters, however many events, and another where they are too large for it. A delivery that was
 * long under way adds nothing to a key that was purged meanwhile, and nothing comes back that was deleted for its age.
 */
export const insertEvents = (
  db: D1Database,
  { id, owner }: { readonly id: KeyId; readonly owner: string | null },
  events: readonly ChainedEvent[],
): readonly D1PreparedStatement[] => {
  const insert = db.prepare(
    `INSERT INTO events (key_id, owner, sequence, type, at_ms, actor, request_id, ip, user_agent, country, detail, hash)
       SELECT ?1, ?3, value ->> 'sequence', value ->> 'type', value ->> 'at',
              value ->> '$.by.actor', value ->> '$.by.requestId', value ->> '$.by.ip', value ->> '$.by.userAgent',
              value ->> '$.by.country', value ->> 'detail', value ->> 'hash'
       FROM json_each(?2)
       WHERE value ->> 'type' = 'key.purged'
          OR (NOT EXISTS (SELECT 1 FROM keys WHERE id = ?1 AND status = 'purged')
              AND value ->> 'sequence' > coalesce((SELECT sequence FROM anchors WHERE key_id = ?1), 0))
       ON CONFLICT (key_id, sequence) DO UPDATE SET hash = excluded.hash, owner = excluded.owner
         WHERE events.hash IS NULL`,
  );
  return rowTexts(events.map(withDetailText)).map((text) => insert.bind(id, text, owner));
};

/** The chain is over the text of the detail, so that very text is stored. */
const withDetailText = (event: ChainedEvent) => ({ ...event, detail: JSON.stringify(event.detail) });

/** Removes what happened to a key. */
export const deleteEvents = (db: D1Database, keyId: KeyId): D1PreparedStatement =>
  db.prepare("DELETE FROM events WHERE key_id = ?1").bind(keyId);

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
      .all<EventRow>(),
  );
  return results.map(eventOf);
}

/** Which events of all keys a list shows; `null` means any. `from` is inclusive, `to` exclusive. */
export type EventFilter = {
  readonly owner: string | null;
  readonly type: EventType | null;
  readonly from: number | null;
  readonly to: number | null;
};

/** The place in a list of all keys' events behind which it goes on. */
export type EventPlace = { readonly at: number; readonly keyId: string; readonly sequence: number };

export type EventOfKey = KeyEvent & { readonly keyId: KeyId; readonly owner: string | null };

/** What happened to all keys, newest first, from behind `after` on. */
export async function listEvents(
  db: D1Database,
  {
    filter: { owner, type, from, to },
    after,
    limit,
  }: { readonly filter: EventFilter; readonly after: EventPlace | null; readonly limit: number },
): Promise<readonly EventOfKey[]> {
  const { values, bind, column } = parameters();
  const conditions: string[] = [];
  if (owner !== null) conditions.push(`${column("owner")} = ${bind(owner)}`);
  // An owner's events are fewer than all of a type.
  if (type !== null) conditions.push(`${column("type")} = ${bind(type)}`);
  if (from !== null) conditions.push(`at_ms >= ${bind(from)}`);
  // A later page begins behind the last one, which is before the end: walked from the end, it would cost all pages so far.
  if (to !== null) conditions.push(`${after === null ? "at_ms" : "+at_ms"} < ${bind(to)}`);
  if (after !== null) {
    conditions.push(`(at_ms, key_id, sequence) < (${bind(after.at)}, ${bind(after.keyId)}, ${bind(after.sequence)})`);
  }
  const { results } = await fromLedger(
    db
      .prepare(
        `SELECT key_id, owner, sequence, type, at_ms, actor, request_id, ip, user_agent, country, detail FROM events
         ${where(conditions)} ORDER BY at_ms DESC, key_id DESC, sequence DESC LIMIT ${bind(limit)}`,
      )
      .bind(...values)
      .all<EventRow & { readonly key_id: KeyId; readonly owner: string | null }>(),
  );
  return results.map((row) => ({ ...eventOf(row), keyId: row.key_id, owner: row.owner }));
}

/** A row of the table, without what says whose it is. */
export type EventRow = {
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

export const eventOf = (row: EventRow): KeyEvent => ({
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

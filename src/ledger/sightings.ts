import { forgotten, GENESIS, hashOf, SIGHTINGS, type EventHash, type Link } from "../key/chain.ts";
import type { EpochMs } from "../key/time.ts";
import type { EventPlace } from "./events.ts";
import { rowTexts } from "./row-texts.ts";
import { fromLedger } from "./unavailable.ts";

type Row = Link & { readonly hash: EventHash; readonly previous: EventHash | null };

/**
 * Forgets of refusals and alerts from before an instant who it was and what was seen, at most `limit` of each, from behind
 * a place on. That there was such an event, and when, stays, and the chain still proves it. What an earlier release has
 * hashed as a whole stays as it is.
 * @returns where to go on, for each type, and whether that is the end of what is so old.
 */
export async function forgetSightings(
  db: D1Database,
  before: EpochMs,
  places: Places,
  limit: number,
): Promise<{ readonly places: Places; readonly isOver: boolean }> {
  const pages = await fromLedger(
    db.batch<Row>(
      SIGHTINGS.map((type) => {
        const place = places[type] ?? START;
        return db.prepare(PAGE).bind(type, before, place.at, place.keyId, place.sequence, limit);
      }),
    ),
  );
  const rows = pages.flatMap(({ results }) => results).filter(({ actor }) => actor !== "");
  const old = rows.filter((row) => row.previous !== null && hashOf(row.previous, row) === row.hash);
  const forget = db.prepare(FORGET);
  const texts = rowTexts(old.map((row) => ({ keyId: row.keyId, sequence: row.sequence, detail: forgotten(row) })));
  if (texts.length > 0) await fromLedger(db.batch(texts.map((text) => forget.bind(text))));
  const next = SIGHTINGS.map((type, nth) => [type, placeOf(pages[nth]!.results.at(-1) ?? places[type] ?? START)]);
  return {
    places: Object.fromEntries(next) as Places,
    isOver: pages.every(({ results }) => results.length < limit),
  };
}

/** How far each type of sighting was walked through; one that is missing was not begun. */
export type Places = Readonly<Record<string, EventPlace>>;

const START: EventPlace = { at: 0, keyId: "", sequence: 0 };
const placeOf = ({ at, keyId, sequence }: EventPlace): EventPlace => ({ at, keyId, sequence });

const PAGE = `SELECT key_id AS keyId, sequence, type, at_ms AS at, actor, request_id AS requestId, ip,
                     user_agent AS userAgent, country, detail, hash,
                     iif(sequence = 1, '${GENESIS}', coalesce(
                       (SELECT hash FROM events AS former
                        WHERE former.key_id = events.key_id AND former.sequence = events.sequence - 1),
                       (SELECT hash FROM anchors
                        WHERE anchors.key_id = events.key_id AND anchors.sequence = events.sequence - 1))) AS previous
              FROM events
              WHERE type = ?1 AND at_ms < ?2 AND (at_ms, key_id, sequence) > (?3, ?4, ?5) AND hash IS NOT NULL
              ORDER BY at_ms, key_id, sequence LIMIT ?6`;

const FORGET = `UPDATE events
                SET actor = '', request_id = '', ip = NULL, user_agent = NULL, country = NULL, detail = value ->> 'detail'
                FROM json_each(?1)
                WHERE key_id = value ->> 'keyId' AND sequence = value ->> 'sequence'`;

/** Deletes alerts from before an instant, the oldest first, at most `limit`, acknowledged or not. */
export async function deleteAlertsBefore(db: D1Database, before: EpochMs, limit: number): Promise<void> {
  await fromLedger(
    db
      .prepare("DELETE FROM alerts WHERE id IN (SELECT id FROM alerts WHERE at_ms < ?1 ORDER BY at_ms LIMIT ?2)")
      .bind(before, limit)
      .run(),
  );
}

import type { KeyId } from "../key/credential.ts";
import { eventOf, type EventRow, type EventOfKey } from "./events.ts";
import { rowTexts } from "./row-texts.ts";
import { fromLedger } from "./unavailable.ts";

/**
 * How far somebody has read: the newest arrival, and which event it was. `null`: nothing had arrived yet.
 *
 * The event is part of it because numbers come again when the ledger is restored to an earlier state: then another
 * event has the number, or none.
 */
export type StreamPlace = { readonly arrival: number; readonly keyId: string; readonly sequence: number } | null;

export type StreamPage = {
  readonly events: readonly EventOfKey[];
  /** Behind the last arrival that was looked at, also where nothing of it was for the one who reads. */
  readonly place: StreamPlace;
  /** Whether there may be more. */
  readonly more: boolean;
  /** True: the place it was to go on from is not there any more, so it began with the oldest arrival there is. */
  readonly restarted: boolean;
};

/**
 * Events in the order in which they arrived, from behind a place on.
 *
 * Of an owner only, if one is given. That a key was purged is told in any case: it has no owner any more, and whoever
 * keeps something of it must forget it.
 */
export async function readStream(
  db: D1Database,
  place: StreamPlace,
  { owner, limit }: { readonly owner: string | null; readonly limit: number },
): Promise<StreamPage> {
  const page = (after: number) =>
    db
      .prepare(
        `SELECT stream.arrival, stream.key_id AS read_key, stream.sequence AS read_sequence, events.*
         FROM stream LEFT JOIN events
           ON events.key_id = stream.key_id AND events.sequence = stream.sequence
          AND (?2 IS NULL OR events.owner = ?2 OR events.type = 'key.purged')
         WHERE stream.arrival > ?1 ORDER BY stream.arrival LIMIT ?3`,
      )
      .bind(after, owner, limit);
  if (place === null) return pageOf(await fromLedger(page(0).all<Row>()), null, limit, false);

  const [found, behind] = await fromLedger(
    db.batch<Row>([
      db
        .prepare("SELECT 1 FROM stream WHERE arrival = ?1 AND key_id = ?2 AND sequence = ?3")
        .bind(place.arrival, place.keyId, place.sequence),
      page(place.arrival),
    ]),
  );
  if (found!.results.length === 1) return pageOf(behind!, place, limit, false);
  return pageOf(await fromLedger(page(0).all<Row>()), null, limit, true);
}

type Row = EventRow & {
  readonly arrival: number;
  readonly read_key: string;
  readonly read_sequence: number;
  /** `null`: of another owner, or purged since. */
  readonly key_id: KeyId | null;
  readonly owner: string | null;
};

function pageOf({ results }: D1Result<Row>, before: StreamPlace, limit: number, restarted: boolean): StreamPage {
  const last = results.at(-1);
  return {
    events: results.flatMap((row) =>
      row.key_id === null ? [] : [{ ...eventOf(row), keyId: row.key_id, owner: row.owner }],
    ),
    place: last === undefined ? before : { arrival: last.arrival, keyId: last.read_key, sequence: last.read_sequence },
    more: results.length === limit,
    restarted,
  };
}

/** The newest place there is. */
export const streamEnd = (db: D1Database): D1PreparedStatement =>
  db.prepare("SELECT arrival, key_id AS keyId, sequence FROM stream ORDER BY arrival DESC LIMIT 1");

/** Which of these keys were purged, for whoever has not read so far. */
export async function purgedAmong(db: D1Database, keyIds: readonly string[]): Promise<readonly string[]> {
  const select = db.prepare("SELECT id FROM keys WHERE id IN (SELECT value FROM json_each(?1)) AND +status = 'purged'");
  const texts = rowTexts(keyIds);
  if (texts.length === 0) return [];
  const found = await fromLedger(db.batch<{ id: string }>(texts.map((text) => select.bind(text))));
  return found.flatMap(({ results }) => results.map(({ id }) => id));
}

/** How many arrivals one call forgets at most: it is called often enough. */
const FORGET_AT_ONCE = 1_000;

/** Forgets arrivals from before an instant. The newest one stays: it is where whoever has read everything goes on. */
export async function forgetArrivals(db: D1Database, beforeMs: number): Promise<void> {
  await fromLedger(
    db
      .prepare(
        `DELETE FROM stream
         WHERE arrival IN (SELECT arrival FROM stream ORDER BY arrival LIMIT ?2)
           AND arrived_at_ms < ?1 AND arrival < (SELECT max(arrival) FROM stream)`,
      )
      .bind(beforeMs, FORGET_AT_ONCE)
      .run(),
  );
}

import type { KeyId } from "../key/credential.ts";
import { DAY_MS, epochMs, type EpochMs, HOUR_MS } from "../key/time.ts";
import type { Counts, HourUse } from "../key/usage.ts";
import { parameters, where } from "./conditions.ts";
import { rowTexts } from "./row-texts.ts";
import { fromLedger } from "./unavailable.ts";

/** Writes what an object says of its key's hours, unless the ledger has heard something newer. */
export const upsertUsage = (
  db: D1Database,
  { id, owner }: { readonly id: KeyId; readonly owner: string | null },
  hours: readonly HourUse[],
): readonly D1PreparedStatement[] => {
  const upsert = db.prepare(
    `INSERT INTO usage (key_id, start_ms, owner, changes, admitted, units, refused, routes, last_admitted_ms)
       SELECT ?1, value ->> 'start', ?3, value ->> 'changes', value ->> 'admitted', value ->> 'units',
              value -> 'refused', value -> 'routes', value ->> 'lastAdmittedAt'
       FROM json_each(?2)
       WHERE NOT EXISTS (SELECT 1 FROM keys WHERE id = ?1 AND status = 'purged')
       ON CONFLICT (key_id, start_ms) DO UPDATE SET
         changes = excluded.changes, admitted = excluded.admitted, units = excluded.units,
         refused = excluded.refused, routes = excluded.routes, last_admitted_ms = excluded.last_admitted_ms
       WHERE excluded.changes > usage.changes`,
  );
  return rowTexts(hours).map((text) => upsert.bind(id, text, owner));
};

/** Takes from a key's use what is personal. How much was used stays: totals of the past do not change. */
export const forgetUsage = (db: D1Database, keyId: KeyId): D1PreparedStatement =>
  db.prepare("UPDATE usage SET owner = NULL, routes = '{}' WHERE key_id = ?1").bind(keyId);

/** What was used in one hour or day of UTC. Refusals are by reason. */
export type Usage = {
  readonly start: EpochMs;
  readonly admitted: number;
  readonly units: number;
  readonly refused: Counts;
  readonly routes: Counts;
  readonly lastAdmittedAt: EpochMs | null;
};

export type UsagePage = {
  /** `null`: all keys of the owner, or of the deployment. */
  readonly keyId: KeyId | null;
  /** `null`: any owner's. */
  readonly owner: string | null;
  readonly by: "hour" | "day";
  /** Inclusive, the beginning of an hour; a page goes on from here. */
  readonly from: EpochMs;
  /** Exclusive. */
  readonly to: EpochMs;
  readonly limit: number;
};

/** What was used in each hour or day that has any use, oldest first. */
export async function readUsage(db: D1Database, page: UsagePage): Promise<readonly Usage[]> {
  const { keyId, owner, by, from, to, limit } = page;
  const { values, bind, column } = parameters();
  const step = bind(by === "hour" ? HOUR_MS : DAY_MS);
  const conditions = [`start_ms >= ${bind(from)}`, `start_ms < ${bind(to)}`];
  if (keyId !== null) conditions.push(`${column("key_id")} = ${bind(keyId)}`);
  if (owner !== null) conditions.push(`${column("owner")} = ${bind(owner)}`);
  // Two levels, so that the numbers of a row are added once and not once for each of its reasons.
  const { results } = await fromLedger(
    db
      .prepare(
        `WITH rows AS MATERIALIZED (
           SELECT start_ms - start_ms % ${step} AS start, * FROM usage ${where(conditions)}
         ), starts AS (
           SELECT start, sum(admitted) AS admitted, sum(units) AS units, max(last_admitted_ms) AS last
           FROM rows GROUP BY start ORDER BY start LIMIT ${bind(limit)}
         )
         SELECT start, admitted, units, last,
           (SELECT json_group_object(name, n) FROM (
              SELECT counts.key AS name, sum(counts.value) AS n FROM rows, json_each(rows.refused) AS counts
              WHERE rows.start = starts.start GROUP BY counts.key)) AS refused,
           (SELECT json_group_object(name, n) FROM (
              SELECT counts.key AS name, sum(counts.value) AS n FROM rows, json_each(rows.routes) AS counts
              WHERE rows.start = starts.start GROUP BY counts.key ORDER BY n DESC LIMIT 64)) AS routes
         FROM starts ORDER BY start`,
      )
      .bind(...values)
      .all<Row>(),
  );
  return results.map((row) => ({
    start: epochMs(row.start),
    admitted: row.admitted,
    units: row.units,
    refused: JSON.parse(row.refused) as Counts,
    routes: JSON.parse(row.routes) as Counts,
    lastAdmittedAt: row.last === null ? null : epochMs(row.last),
  }));
}

type Row = {
  readonly start: number;
  readonly admitted: number;
  readonly units: number;
  readonly last: number | null;
  readonly refused: string;
  readonly routes: string;
};

import type { AlertId } from "../key/alert-id.ts";
import type { KeyId } from "../key/credential.ts";
import type { KeyEvent } from "../key/event.ts";
import type { JsonValue } from "../key/policy.ts";
import type { Alert, AlertAction } from "../key/suspicion-policy.ts";
import { epochMs, type EpochMs } from "../key/time.ts";
import { parameters, where } from "./conditions.ts";
import type { EventPlace } from "./events.ts";
import { rowTexts } from "./row-texts.ts";
import { fromLedger } from "./unavailable.ts";

/** An alert as people list it. */
export type ListedAlert = {
  readonly id: AlertId;
  readonly keyId: KeyId;
  readonly owner: string | null;
  /** Of the event in the key's history that says the same. */
  readonly sequence: number;
  readonly alert: Alert;
  readonly action: AlertAction;
  readonly at: EpochMs;
  readonly requestId: string;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly country: string | null;
  readonly evidence: { readonly [name: string]: JsonValue };
  /** `null`: nobody has looked into it yet. */
  readonly acknowledged: { readonly at: EpochMs; readonly by: string; readonly note: string | null } | null;
};

/**
 * Adds the alerts among the events of one key. Those that are there already stay as they are, with what people have
 * said of them; a delivery that was long under way adds nothing to a key that was purged meanwhile, and nothing comes back
 * that was deleted for its age.
 */
export const insertAlerts = (
  db: D1Database,
  { id, owner }: { readonly id: KeyId; readonly owner: string | null },
  events: readonly KeyEvent[],
): readonly D1PreparedStatement[] => {
  const alerts = events.filter(({ type }) => type === "key.alerted");
  const insert = db.prepare(
    `INSERT INTO alerts (id, key_id, owner, sequence, alert, action, at_ms, request_id, ip, user_agent, country,
                             evidence)
         SELECT 'alert_' || substr(?1, 5) || '_' || (value ->> 'sequence'), ?1, ?3, value ->> 'sequence',
                value ->> '$.detail.alert', value ->> '$.detail.action', value ->> 'at',
                value ->> '$.by.requestId', value ->> '$.by.ip', value ->> '$.by.userAgent', value ->> '$.by.country',
                json_remove(value -> 'detail', '$.alert', '$.action')
         FROM json_each(?2)
         WHERE NOT EXISTS (SELECT 1 FROM keys WHERE id = ?1 AND status = 'purged')
           AND value ->> 'sequence' > coalesce((SELECT sequence FROM anchors WHERE key_id = ?1), 0)
         ON CONFLICT (id) DO NOTHING`,
  );
  return rowTexts(alerts).map((text) => insert.bind(id, text, owner));
};

/** Removes the alerts of a key: they say who used it from where. */
export const deleteAlerts = (db: D1Database, keyId: KeyId): D1PreparedStatement =>
  db.prepare("DELETE FROM alerts WHERE key_id = ?1").bind(keyId);

/** Which alerts a list shows; `null` means any. `from` is inclusive, `to` exclusive. */
export type AlertFilter = {
  readonly owner: string | null;
  readonly keyId: KeyId | null;
  readonly alert: Alert | null;
  readonly acknowledged: boolean | null;
  readonly from: number | null;
  readonly to: number | null;
};

const COLUMNS = `id, key_id, owner, sequence, alert, action, at_ms, request_id, ip, user_agent, country, evidence,
                 acknowledged_at_ms, acknowledged_by, note`;

/** The alerts that match, newest first, from behind `after` on. Filters come in the order of how few they leave. */
export async function listAlerts(
  db: D1Database,
  {
    filter: { owner, keyId, alert, acknowledged, from, to },
    after,
    limit,
  }: { readonly filter: AlertFilter; readonly after: EventPlace | null; readonly limit: number },
): Promise<readonly ListedAlert[]> {
  const { values, bind, column } = parameters();
  const conditions: string[] = [];

  if (keyId !== null) conditions.push(`${column("key_id")} = ${bind(keyId)}`);
  if (acknowledged === false) conditions.push(`${column("acknowledged_at_ms")} IS NULL`);
  if (owner !== null) conditions.push(`${column("owner")} = ${bind(owner)}`);
  if (alert !== null) conditions.push(`${column("alert")} = ${bind(alert)}`);
  // Nearly all are, sooner or later: those are never looked for by it.
  if (acknowledged === true) conditions.push("+acknowledged_at_ms IS NOT NULL");
  if (from !== null) conditions.push(`at_ms >= ${bind(from)}`);
  if (to !== null) conditions.push(`at_ms < ${bind(to)}`);
  if (after !== null) {
    conditions.push(`(at_ms, key_id, sequence) < (${bind(after.at)}, ${bind(after.keyId)}, ${bind(after.sequence)})`);
  }
  const { results } = await fromLedger(
    db
      .prepare(
        `SELECT ${COLUMNS} FROM alerts ${where(conditions)} ORDER BY at_ms DESC, key_id DESC, sequence DESC LIMIT ${bind(limit)}`,
      )
      .bind(...values)
      .all<Row>(),
  );
  return results.map(alertOf);
}

/**
 * Notes that somebody has looked into an alert. The first who says so stays: saying it again changes nothing.
 * @param onlyOwner the only owner whose alerts exist for the one who says it; `null`: every owner's.
 * @returns the alert as it is now; `null` if there is none for the one who asks.
 */
export async function acknowledgeAlert(
  db: D1Database,
  id: AlertId,
  onlyOwner: string | null,
  { at, by, note }: NonNullable<ListedAlert["acknowledged"]>,
): Promise<ListedAlert | null> {
  const [, read] = await fromLedger(
    db.batch<Row>([
      db
        .prepare(
          `UPDATE alerts SET acknowledged_at_ms = ?3, acknowledged_by = ?4, note = ?5
           WHERE id = ?1 AND (?2 IS NULL OR owner = ?2) AND acknowledged_at_ms IS NULL`,
        )
        .bind(id, onlyOwner, at, by, note),
      db.prepare(`SELECT ${COLUMNS} FROM alerts WHERE id = ?1 AND (?2 IS NULL OR owner = ?2)`).bind(id, onlyOwner),
    ]),
  );
  const row = read?.results[0];
  return row === undefined ? null : alertOf(row);
}

type Row = {
  readonly id: AlertId;
  readonly key_id: KeyId;
  readonly owner: string | null;
  readonly sequence: number;
  readonly alert: Alert;
  readonly action: AlertAction;
  readonly at_ms: number;
  readonly request_id: string;
  readonly ip: string | null;
  readonly user_agent: string | null;
  readonly country: string | null;
  readonly evidence: string;
  readonly acknowledged_at_ms: number | null;
  readonly acknowledged_by: string | null;
  readonly note: string | null;
};

const alertOf = (row: Row): ListedAlert => ({
  id: row.id,
  keyId: row.key_id,
  owner: row.owner,
  sequence: row.sequence,
  alert: row.alert,
  action: row.action,
  at: epochMs(row.at_ms),
  requestId: row.request_id,
  ip: row.ip,
  userAgent: row.user_agent,
  country: row.country,
  evidence: JSON.parse(row.evidence) as ListedAlert["evidence"],
  acknowledged:
    row.acknowledged_at_ms === null
      ? null
      : { at: epochMs(row.acknowledged_at_ms), by: row.acknowledged_by ?? "", note: row.note },
});

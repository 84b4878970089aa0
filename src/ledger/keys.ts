import type { KeyId } from "../key/credential.ts";
import type { Status } from "../key/key.ts";
import type { KeyRecord } from "../key/record.ts";
import type { EpochMs } from "../key/time.ts";
import { fromLedger } from "./unavailable.ts";

/** A key as the ledger knows it: without what changes with every use. */
export type ListedKey = Omit<KeyRecord, "allowance" | "lastUsedAt">;

/** Which keys a list shows. `null` means any. */
export type KeyFilter = { readonly owner: string | null; readonly status: Status | null };

/** The place in a list behind which it goes on. */
export type KeyPlace = { readonly createdAt: number; readonly id: string };

/** Writes what an object says of its key, unless the ledger has heard something newer. */
export function upsertKey(db: D1Database, record: KeyRecord): D1PreparedStatement {
  const { id, owner, name, pepper, version, revision, createdAt, expiresAt } = record;
  const { allowance: _counters, lastUsedAt: _use, status: _derived, ...lasting } = record;
  return db
    .prepare(
      `INSERT INTO keys (id, owner, name, status, pepper, version, revision, created_at_ms, expires_at_ms, record)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
       ON CONFLICT (id) DO UPDATE SET
         owner = excluded.owner, name = excluded.name, status = excluded.status, pepper = excluded.pepper,
         version = excluded.version, revision = excluded.revision, created_at_ms = excluded.created_at_ms,
         expires_at_ms = excluded.expires_at_ms, record = excluded.record
       WHERE excluded.revision > keys.revision`,
    )
    .bind(
      id,
      owner,
      name,
      storedStatus(record),
      pepper,
      version,
      revision,
      createdAt,
      expiresAt,
      JSON.stringify(lasting),
    );
}

/**
 * Turns a key's row into a tombstone: nothing personal is left, no list shows it, and as no revision is newer, no late
 * delivery brings it back.
 */
export const buryKey = (db: D1Database, keyId: string): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO keys (id, owner, name, status, pepper, version, revision, created_at_ms, expires_at_ms, record)
       VALUES (?1, NULL, '', 'purged', '', 0, ?2, 0, NULL, '{}')
       ON CONFLICT (id) DO UPDATE SET
         owner = NULL, name = '', status = 'purged', pepper = '', version = 0, revision = excluded.revision,
         created_at_ms = 0, expires_at_ms = NULL, record = '{}'`,
    )
    .bind(keyId, Number.MAX_SAFE_INTEGER);

/** The status without what only time decides: an expiry holds from its instant on, with nobody there to write it. */
function storedStatus({ revokedAt, suspendedAt }: KeyRecord): Exclude<Status, "expired"> {
  if (revokedAt !== null) return "revoked";
  return suspendedAt !== null ? "suspended" : "active";
}

/** The keys that match, newest first, from behind `after` on. */
export async function listKeys(db: D1Database, page: KeyPage): Promise<readonly ListedKey[]> {
  const { results } = await fromLedger(listStatement(db, page).all<Row>());
  return results.map((row) => listedKeyOf(row, page.now));
}

/** The ids of an owner's keys in the order of the ids, from behind `after` on. */
export async function idsOfOwner(db: D1Database, owner: string, after: string, limit: number): Promise<KeyId[]> {
  const { results } = await fromLedger(
    db
      .prepare("SELECT id FROM keys WHERE owner = ?1 AND id > ?2 ORDER BY id LIMIT ?3")
      .bind(owner, after, limit)
      .all<{ id: KeyId }>(),
  );
  return results.map(({ id }) => id);
}

/** Which keys, from where on, how many at most, and the instant at which it is judged what has expired. */
export type KeyPage = {
  readonly filter: KeyFilter;
  readonly after: KeyPlace | null;
  readonly limit: number;
  readonly now: EpochMs;
};

function listStatement(db: D1Database, { filter, after, limit, now }: KeyPage): D1PreparedStatement {
  const values: (string | number)[] = [];
  const bind = (value: string | number) => `?${values.push(value)}`;

  const conditions: string[] = [];
  if (filter.owner !== null) conditions.push(`owner = ${bind(filter.owner)}`);
  switch (filter.status) {
    case null:
      conditions.push("status <> 'purged'");
      break;
    case "active":
      conditions.push(`status = 'active' AND (expires_at_ms IS NULL OR expires_at_ms > ${bind(now)})`);
      break;
    case "expired":
      conditions.push(`status = 'active' AND expires_at_ms <= ${bind(now)}`);
      break;
    case "suspended":
    case "revoked":
      conditions.push(`status = ${bind(filter.status)}`);
  }
  if (after !== null) conditions.push(`(created_at_ms, id) < (${bind(after.createdAt)}, ${bind(after.id)})`);

  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  const sql = `SELECT status, expires_at_ms, record FROM keys ${where}
               ORDER BY created_at_ms DESC, id DESC LIMIT ${bind(limit)}`;
  return db.prepare(sql).bind(...values);
}

type Row = {
  readonly status: Exclude<Status, "expired">;
  readonly expires_at_ms: number | null;
  readonly record: string;
};

function listedKeyOf(row: Row, now: EpochMs): ListedKey {
  const lasting = JSON.parse(row.record) as Omit<ListedKey, "status">;
  const expired = row.status === "active" && row.expires_at_ms !== null && row.expires_at_ms <= now;
  return { ...lasting, status: expired ? "expired" : row.status };
}

import { isKeyId, type KeyId } from "../key/credential.ts";
import type { Status } from "../key/key.ts";
import type { Environment } from "../key/policy.ts";
import type { KeyRecord } from "../key/record.ts";
import type { EpochMs } from "../key/time.ts";
import { parameters, where } from "./conditions.ts";
import { fromLedger } from "./unavailable.ts";

/** A key as the ledger knows it: without what changes with every use. */
export type ListedKey = Omit<KeyRecord, "allowance" | "lastUsedAt" | "beyondLifetime">;

/** Which keys a list shows. `null` means any. */
export type KeyFilter = {
  readonly owner: string | null;
  readonly status: Status | null;
  readonly environment: Environment | null;
  readonly pepper: string | null;
  /** Whether somebody has set their end later than their lifetime allows. */
  readonly beyondLifetime: boolean | null;
  /** How the name begins, in any case; or a whole id. */
  readonly search: string | null;
};

/** The place in a list behind which it goes on. */
export type KeyPlace = { readonly createdAt: number; readonly id: string };

/**
 * Writes what an object says of its key, unless the ledger has heard something newer. An object that was restored to an
 * earlier time may count past a revision that it has forgotten: what was revoked stays so, and no version goes down.
 */
export function upsertKey(db: D1Database, record: KeyRecord): D1PreparedStatement {
  const { id, owner, name, environment, pepper, version, revision, createdAt, expiresAt, beyondLifetime } = record;
  const { allowance: _counters, lastUsedAt: _use, status: _derived, beyondLifetime: _column, ...lasting } = record;
  return db
    .prepare(
      `INSERT INTO keys (id, owner, name, name_folded, environment, status, pepper, version, revision, created_at_ms,
                         expires_at_ms, beyond_lifetime, record)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
       ON CONFLICT (id) DO UPDATE SET
         owner = excluded.owner, name = excluded.name, name_folded = excluded.name_folded,
         environment = excluded.environment, status = excluded.status, pepper = excluded.pepper,
         version = excluded.version, revision = excluded.revision, created_at_ms = excluded.created_at_ms,
         expires_at_ms = excluded.expires_at_ms, beyond_lifetime = excluded.beyond_lifetime, record = excluded.record
       WHERE excluded.revision > keys.revision
         AND excluded.version >= keys.version AND (keys.status <> 'revoked' OR excluded.status = 'revoked')`,
    )
    .bind(
      id,
      owner,
      name,
      folded(name),
      environment,
      storedStatus(record),
      pepper,
      version,
      revision,
      createdAt,
      expiresAt,
      beyondLifetime ? 1 : 0,
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
         owner = NULL, name = '', name_folded = '', status = 'purged', pepper = '', version = 0, revision = excluded.revision,
         created_at_ms = 0, expires_at_ms = NULL, beyond_lifetime = 0, record = '{}'`,
    )
    .bind(keyId, Number.MAX_SAFE_INTEGER);

/** Text without the difference of case, for names of any script: SQLite itself knows only that of ASCII. */
const folded = (text: string): string => text.toLowerCase();

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

/** The keys that match. Filters come in the order of how few keys they leave. */
function listStatement(db: D1Database, { filter, after, limit, now }: KeyPage): D1PreparedStatement {
  const { values, bind, column } = parameters();
  const conditions: string[] = [];

  const { owner, pepper, status, environment, search, beyondLifetime } = filter;
  if (search !== null && isKeyId(search)) conditions.push(`${column("id")} = ${bind(search)}`);
  // Only few keys do, and their index holds no others; nearly all do not, so those are never looked for by it.
  if (beyondLifetime === true) conditions.push(`${column("beyond_lifetime")} = 1`);
  if (beyondLifetime === false) conditions.push("+beyond_lifetime = 0");
  if (owner !== null) conditions.push(`${column("owner")} = ${bind(owner)}`);
  if (pepper !== null) conditions.push(`${column("pepper")} = ${bind(pepper)}`);
  if (status !== null) conditions.push(statusCondition(column("status"), status, () => bind(now)));
  else conditions.push("+status <> 'purged'");
  if (environment !== null) conditions.push(`${column("environment")} = ${bind(environment)}`);
  if (search !== null && !isKeyId(search)) {
    const name = column("name_folded");
    const start = folded(search);
    conditions.push(`${name} >= ${bind(start)} AND ${name} < ${bind(start + LAST_CHARACTER)}`);
  }
  if (after !== null) conditions.push(`(created_at_ms, id) < (${bind(after.createdAt)}, ${bind(after.id)})`);

  const sql = `SELECT status, expires_at_ms, record FROM keys ${where(conditions)}
               ORDER BY created_at_ms DESC, id DESC LIMIT ${bind(limit)}`;
  return db.prepare(sql).bind(...values);
}

/** Every text that begins with a prefix comes before the prefix and this: SQLite compares the bytes of UTF-8. */
const LAST_CHARACTER = "\u{10FFFF}";

function statusCondition(column: string, status: Status, now: () => string): string {
  switch (status) {
    case "active":
      return `${column} = 'active' AND (expires_at_ms IS NULL OR expires_at_ms > ${now()})`;
    case "expired":
      return `${column} = 'active' AND expires_at_ms <= ${now()}`;
    case "suspended":
    case "revoked":
      return `${column} = '${status}'`;
  }
}

/** Keys that may still be used, by the index of them: left alone, SQLite would count them by their status. */
const ALIVE = "keys INDEXED BY keys_alive WHERE status IN ('active', 'suspended')";

/**
 * The peppers that tagged the secrets of keys which may still be used, expired ones left out.
 *
 * Looks up one pepper after the other in an index of such keys, so it costs as many lookups as there are peppers,
 * however many keys there are.
 */
export async function peppersInUse(db: D1Database, now: EpochMs, timeoutMs: number): Promise<readonly string[]> {
  const { results } = await fromLedger(
    db
      .prepare(
        `WITH RECURSIVE peppers (pepper) AS (
           SELECT min(pepper) FROM ${ALIVE}
           UNION ALL
           SELECT (SELECT min(pepper) FROM ${ALIVE} AND pepper > peppers.pepper)
           FROM peppers WHERE peppers.pepper IS NOT NULL
         )
         SELECT pepper FROM peppers
         WHERE EXISTS (SELECT 1 FROM ${ALIVE} AND keys.pepper = peppers.pepper
                         AND (expires_at_ms IS NULL OR expires_at_ms > ?1))`,
      )
      .bind(now)
      .all<{ pepper: string }>(),
    timeoutMs,
  );
  return results.map(({ pepper }) => pepper);
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

import { chained, GENESIS } from "../key/chain.ts";
import type { KeyId } from "../key/credential.ts";
import type { KeyEvent } from "../key/event.ts";

/**
 * The schema of a key's object, append-only: release n + 1 adds a step, no step is ever changed. An object wakes with
 * the schema it was last written under and is brought forward in one transaction; there is no way back.
 */
const STEPS: readonly (string | ((sql: SqlStorage) => void))[] = [
  `
  CREATE TABLE part (            -- profile, standing, use and delivery: a row each, a few KB of JSON
    name TEXT PRIMARY KEY,       -- an ordinary admission writes the row 'use' and nothing else
    json TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE retired_secret (  -- the newest 32 secrets that were replaced
    version     INTEGER PRIMARY KEY,
    digest      TEXT    NOT NULL,
    valid_until INTEGER NOT NULL -- epoch milliseconds; the first instant at which it is dead
  ) STRICT;
  CREATE TABLE event (           -- the key's history, and the outbox: what is above the delivered sequence is under way
    sequence INTEGER PRIMARY KEY,
    json     TEXT NOT NULL
  ) STRICT;
  CREATE TABLE agenda (          -- due work; the object's single alarm stands at the earliest
    task     TEXT    PRIMARY KEY,
    due_at   INTEGER NOT NULL,   -- epoch milliseconds
    attempts INTEGER NOT NULL    -- failures in a row
  ) STRICT, WITHOUT ROWID;
  `,
  // Answers that can be had again, environments, orders of an owner, keys that rotate themselves.
  `
  CREATE TABLE receipt (         -- calls that carried an Idempotency-Key, by the digest of actor and header
    header  TEXT    PRIMARY KEY,
    request TEXT    NOT NULL,    -- digest of what was asked for
    at      INTEGER NOT NULL,    -- epoch milliseconds
    version INTEGER NOT NULL     -- of the secret that was issued
  ) STRICT, WITHOUT ROWID;
  UPDATE part SET json = json_set(json, '$.environment', 'live') WHERE name = 'profile';
  UPDATE part SET json = json_set(json, '$.ownerOrder', json('null')) WHERE name = 'standing';
  UPDATE part SET json = json_set(json, '$.selfRotations', json('null')) WHERE name = 'use';
  `,
  `
  CREATE TABLE reservation (     -- the open ones, and the last ones that were closed
    id   TEXT    PRIMARY KEY,
    at   INTEGER NOT NULL,       -- epoch milliseconds; when it was opened, or closed
    json TEXT    NOT NULL
  ) STRICT, WITHOUT ROWID;
  UPDATE part SET json = json_set(json,
    '$.lifetimeSeconds', json('null'), '$.maxLifetimeSeconds', json('null'), '$.idleSeconds', json('null'),
    '$.rotation', json('null'), '$.maxConcurrent', json('null'),
    '$.reserveSeconds', 300, '$.onReservationTimeout', 'charge') WHERE name = 'profile';
  UPDATE part SET json = json_set(json, '$.quota.refill', 'reset', '$.quota.cap', json('null'))
    WHERE name = 'profile' AND json ->> '$.quota' IS NOT NULL;
  UPDATE part SET json = json_set(json, '$.units', 0, '$.rotationAnnounced', json('false'),
    '$.rateLimits', (SELECT json_group_array(json(iif(type = 'null', 'null', json_set(value, '$.algorithm', 'window'))))
                     FROM json_each(json, '$.rateLimits')))
    WHERE name = 'use';
  UPDATE part SET json = json_set(json, '$.selfRotations.algorithm', 'window')
    WHERE name = 'use' AND json ->> '$.selfRotations' IS NOT NULL;
  UPDATE part SET json = json_set(json, '$.endSetAt', json('null')) WHERE name = 'standing';
  UPDATE part SET json = json_set(json, '$.newestAdmitted',
    (SELECT json ->> '$.version' FROM part WHERE name = 'standing') - iif(json ->> '$.admittedWithSecret' > 0, 0, 1))
    WHERE name = 'use';
  UPDATE part SET json = json_set(json, '$.quota.carried', 0) WHERE name = 'use' AND json ->> '$.quota' IS NOT NULL;
  `,
  chainEvents,
  // Use by the hour.
  `
  CREATE TABLE hour (            -- hours of use that are over; above the delivered one they are under way to the ledger
    start INTEGER PRIMARY KEY,   -- epoch milliseconds
    json  TEXT    NOT NULL
  ) STRICT;
  UPDATE part SET json = json_set(json, '$.hour', json('null')) WHERE name = 'use';
  UPDATE part SET json = json_set(json, '$.hoursDelivered', json('null')) WHERE name = 'delivery';
  `,
  // Suspicion; being told in time that a key ends. What is used above a limit by now, an amendment has lowered it under.
  `
  UPDATE part SET json = json_set(json, '$.suspicion', json('null')) WHERE name = 'profile';
  UPDATE part SET json = json_set(json, '$.recentRotations', json('[]'), '$.alerted', json('{}')) WHERE name = 'standing';
  UPDATE part SET json = json_set(json, '$.quota.excess', json ->> '$.quota.used' - json ->> '$.quota.carried' -
    (SELECT json ->> '$.quota.limit' FROM part WHERE name = 'profile'))
    WHERE name = 'use' AND json ->> '$.quota.used' - json ->> '$.quota.carried' >
      (SELECT json ->> '$.quota.limit' FROM part WHERE name = 'profile');
  INSERT INTO agenda
    SELECT 'announce-expiry', min(due_at), 0
    FROM (SELECT part.json ->> '$.expiresAt' - days.value * 86400000 AS due_at
          FROM part, json_each('[30, 7, 1]') AS days
          WHERE part.name = 'standing' AND part.json ->> '$.revokedAt' IS NULL AND part.json ->> '$.expiresAt' IS NOT NULL)
    WHERE due_at > unixepoch('subsec') * 1000
    HAVING count(*) > 0;
  `,
  // Who stopped a key, and who said when it ends. Of what is there nobody knows it, so it counts as an operator's.
  `
  UPDATE part SET json = json_set(json,
    '$.suspendedBy', iif(json ->> '$.suspendedAt' IS NULL, NULL, 'operator'),
    '$.operatorsEnd', iif(json ->> '$.endSetAt' IS NULL AND 'token' <>
      (SELECT json ->> '$.kind' FROM part WHERE name = 'profile'), NULL, json ->> '$.expiresAt'))
    WHERE name = 'standing';
  `,
  // The boundary of a control key.
  `
  UPDATE part SET json = json_set(json, '$.boundary', json('null')) WHERE name = 'profile';
  `,
];

/** Every event has a hash over the one before it. Those that are there already get theirs. */
function chainEvents(sql: SqlStorage): void {
  sql.exec("ALTER TABLE event ADD COLUMN hash TEXT NOT NULL DEFAULT ''");
  const parts = "SELECT coalesce(json ->> '$.id', json ->> '$.keyId') AS id FROM part";
  const [key] = sql.exec<{ id: KeyId | null }>(`${parts} WHERE name = 'profile'`).toArray();
  const [tombstone] = sql.exec<{ id: KeyId | null }>(`${parts} WHERE name = 'vacancy'`).toArray();
  const keyId = key?.id ?? tombstone?.id ?? null;
  // An id for which only an order of its owner waits has no history.
  if (keyId === null) return;
  const rows = sql.exec<{ json: string }>("SELECT json FROM event ORDER BY sequence").toArray();
  const events = rows.map(({ json }) => JSON.parse(json) as KeyEvent);
  for (const { sequence, hash } of chained(keyId, GENESIS, events)) {
    sql.exec("UPDATE event SET hash = ? WHERE sequence = ?", hash, sequence);
  }
}

export const SCHEMA_VERSION = STEPS.length;

/**
 * The schema version found in storage; 0 for an object that was never written.
 * Only reads: asking about an id must not bring its object into existence.
 */
export function schemaVersionOf(sql: SqlStorage): number {
  const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'").toArray();
  if (tables.length === 0) return 0;
  return sql.exec<{ version: number }>("SELECT version FROM schema_version").one().version;
}

/**
 * Brings storage from version `from` to the present one. Call inside a transaction.
 * @throws if storage was written by a newer release: an old reader must not guess what it means.
 */
export function migrate(sql: SqlStorage, from: number): void {
  if (from > SCHEMA_VERSION) {
    throw new Error(`storage has schema ${from}, this release knows ${SCHEMA_VERSION}: refusing to guess`);
  }
  if (from === SCHEMA_VERSION) return;
  if (from === 0) {
    sql.exec("CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT; INSERT INTO schema_version VALUES (0)");
  }
  for (const step of STEPS.slice(from)) {
    if (typeof step === "string") sql.exec(step);
    else step(sql);
  }
  sql.exec("UPDATE schema_version SET version = ?", SCHEMA_VERSION);
}

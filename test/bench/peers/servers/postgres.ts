import { Pool } from "pg";
import { OWNER, type Desk, type Verdict } from "../desk.ts";
import { digestOf, mint } from "./mint.ts";
import { serve, told } from "./serve.ts";

/**
 * Fastify and PostgreSQL, twice: a transaction that locks the row, judges it here and writes it back; and one UPDATE
 * whose condition is the decision. Both are exact: no other transaction sees the row between the look and the write.
 */
const pool = new Pool({ connectionString: told("DATABASE_URL") });

type Row = {
  readonly id: string;
  readonly status: string;
  readonly expires_at: Date | null;
  readonly quota: string;
  readonly used: string;
};

const LOCK = `SELECT id, status, expires_at, quota, used FROM api_keys WHERE digest = $1 FOR UPDATE`;
const COUNT = `UPDATE api_keys SET used = used + 1, last_used_at = now() WHERE digest = $1`;
const GUARDED = `
  UPDATE api_keys SET used = used + 1, last_used_at = now()
  WHERE digest = $1 AND status = 'active' AND (expires_at IS NULL OR expires_at > now()) AND used < quota
  RETURNING id, status, expires_at, quota, used`;
const LOOK = `SELECT id, status, expires_at, quota, used FROM api_keys WHERE digest = $1`;

const ask = (name: string, text: string, digest: string) => ({ name, text, values: [digest] });

/** Why a row is refused, or null. */
function refusalOf(row: Row | undefined): string | null {
  if (row === undefined) return "invalid-key";
  if (row.status !== "active") return "key-revoked";
  if (row.expires_at !== null && row.expires_at.getTime() <= Date.now()) return "key-expired";
  return Number(row.used) >= Number(row.quota) ? "quota-exceeded" : null;
}

const admitted = ({ id, quota }: Row, used: number): Verdict => ({
  valid: true,
  keyId: id,
  limit: Number(quota),
  used,
});

async function locked(digest: string): Promise<Verdict> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const { rows } = await client.query(ask("lock", LOCK, digest));
    const row = rows[0] as Row | undefined;
    const code = refusalOf(row);
    if (code === null) await client.query(ask("count", COUNT, digest));
    await client.query("COMMIT");
    return code === null ? admitted(row!, Number(row!.used) + 1) : { valid: false, code };
  } catch (cause) {
    await client.query("ROLLBACK");
    throw cause;
  } finally {
    client.release();
  }
}

async function guarded(digest: string): Promise<Verdict> {
  const { rows } = await pool.query(ask("guarded", GUARDED, digest));
  const row = rows[0] as Row | undefined;
  if (row !== undefined) return admitted(row, Number(row.used));
  const { rows: seen } = await pool.query(ask("look", LOOK, digest));
  return { valid: false, code: refusalOf(seen[0] as Row | undefined) ?? "quota-exceeded" };
}

const verify = told("WAY") === "locked" ? locked : guarded;

const desk: Desk = {
  async create(limit) {
    const { id, key, digest } = mint();
    await pool.query(
      "INSERT INTO api_keys (digest, id, owner, scopes, quota) VALUES ($1, $2, $3, '{orders:read}', $4)",
      [digest, id, OWNER, limit],
    );
    return { id, key };
  },
  async revoke(id) {
    await pool.query("UPDATE api_keys SET status = 'revoked' WHERE id = $1", [id]);
  },
  verify: (key) => verify(digestOf(key)),
};

await pool.query(`
  CREATE TABLE IF NOT EXISTS api_keys (
    digest       text PRIMARY KEY,
    id           uuid NOT NULL UNIQUE,
    owner        text NOT NULL,
    status       text NOT NULL DEFAULT 'active',
    scopes       text[] NOT NULL,
    expires_at   timestamptz,
    last_used_at timestamptz,
    quota        bigint NOT NULL,
    used         bigint NOT NULL DEFAULT 0
  )`);
await serve(desk, Number(told("ANSWER_BYTES")));

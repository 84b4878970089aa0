import type { LedgerLink } from "../key/chain-proof.ts";
import { GENESIS, type Head } from "../key/chain.ts";
import type { KeyId } from "../key/credential.ts";
import { fromLedger } from "./unavailable.ts";

/** The rows of a key's history from behind `after` to `through`, in their order, as they stand there. */
export async function readLinks(
  db: D1Database,
  keyId: KeyId,
  { after, through, limit }: { readonly after: number; readonly through: number; readonly limit: number },
): Promise<readonly LedgerLink[]> {
  const { results } = await fromLedger(
    db
      .prepare(
        `SELECT key_id AS keyId, sequence, type, at_ms AS at, actor, request_id AS requestId, ip,
                user_agent AS userAgent, country, detail, owner, hash
         FROM events WHERE key_id = ?1 AND sequence > ?2 AND sequence <= ?3 ORDER BY sequence LIMIT ?4`,
      )
      .bind(keyId, after, through, limit)
      .all<LedgerLink>(),
  );
  return results;
}

/** Where a key's history begins in the ledger: at its first event, or behind those that were deleted for their age. */
export async function readAnchor(db: D1Database, keyId: KeyId): Promise<Head> {
  const anchor = await fromLedger(
    db.prepare("SELECT sequence, hash FROM anchors WHERE key_id = ?1").bind(keyId).first<Head>(),
  );
  return anchor ?? { sequence: 0, hash: GENESIS };
}

/** Removes what is known of the part of a key's history that was deleted for its age. */
export const deleteAnchor = (db: D1Database, keyId: KeyId): D1PreparedStatement =>
  db.prepare("DELETE FROM anchors WHERE key_id = ?1").bind(keyId);

/** The sequence of a row that stands outside of a key's history; `null`: there is none. */
export async function strayOf(
  db: D1Database,
  keyId: KeyId,
  { upTo, above }: { readonly upTo: number; readonly above: number },
): Promise<number | null> {
  const row = await fromLedger(
    db
      .prepare("SELECT min(sequence) AS sequence FROM events WHERE key_id = ?1 AND (sequence <= ?2 OR sequence > ?3)")
      .bind(keyId, upTo, above)
      .first<{ sequence: number | null }>(),
  );
  return row?.sequence ?? null;
}

import { GENESIS, type EventHash } from "../key/chain.ts";
import type { KeyId } from "../key/credential.ts";
import type { LedgerView } from "../key/recover.ts";
import type { EpochMs } from "../key/time.ts";
import { fromLedger } from "./unavailable.ts";

export type ViewOfKey = { readonly keyId: KeyId; readonly view: LedgerView };

type Row = Pick<LedgerView, "status" | "version" | "revision" | "events" | "anchor"> & {
  readonly id: KeyId;
  readonly revoked_at: EpochMs | null;
  readonly newest: number | null;
  readonly hash: EventHash | null;
};

/** What the ledger knows of its keys, in the order of their ids, from behind `after` on. Tombstones are keys too. */
export async function viewsAfter(db: D1Database, after: string, limit: number): Promise<readonly ViewOfKey[]> {
  const { results } = await fromLedger(
    db
      .prepare(
        `SELECT id, status, version, revision, record ->> '$.revokedAt' AS revoked_at,
                coalesce(anchors.sequence, 0) AS anchor,
                (SELECT count(*) FROM events WHERE key_id = id) AS events,
                coalesce((SELECT max(events.sequence) FROM events WHERE key_id = id), anchors.sequence) AS newest,
                coalesce((SELECT events.hash FROM events WHERE key_id = id ORDER BY events.sequence DESC LIMIT 1),
                         anchors.hash) AS hash
         FROM keys LEFT JOIN anchors ON anchors.key_id = id
         WHERE id > ?1 ORDER BY id LIMIT ?2`,
      )
      .bind(after, limit)
      .all<Row>(),
  );
  return results.map(({ id, revoked_at, newest, hash, ...row }) => ({
    keyId: id,
    view: { ...row, revokedAt: revoked_at, newest: { sequence: newest ?? 0, hash: hash ?? GENESIS } },
  }));
}

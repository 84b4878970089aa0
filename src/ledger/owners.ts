import type { OwnerOrder, OwnerStanding } from "../key/owner-order.ts";
import { fromLedger } from "./unavailable.ts";

/** An owner as people list it: where it stands, and how many keys it has, revoked and expired ones included. */
export type ListedOwner = { readonly owner: string; readonly standing: OwnerStanding; readonly keys: number };

/** Writes what an owner's object has decided, unless the ledger has heard something newer. */
export async function recordOwner(db: D1Database, owner: string, { standing, revision }: OwnerOrder): Promise<void> {
  await fromLedger(
    db
      .prepare(
        `INSERT INTO owners (owner, standing, revision) VALUES (?1, ?2, ?3)
         ON CONFLICT (owner) DO UPDATE SET standing = excluded.standing, revision = excluded.revision
         WHERE excluded.revision > owners.revision`,
      )
      .bind(owner, standing, revision)
      .run(),
  );
}

/** Owners by name, from behind `after` on: those that have keys, and those about which something was decided. */
export async function listOwners(
  db: D1Database,
  { after, only, limit }: { readonly after: string | null; readonly only: string | null; readonly limit: number },
): Promise<readonly ListedOwner[]> {
  // The page behind the only owner there is for somebody is empty.
  if (only !== null && after !== null) return [];
  const which = only === null ? "owner > ?1" : "owner = ?1";
  const { results } = await fromLedger(
    db
      .prepare(
        `SELECT names.owner, coalesce(owners.standing, 'active') AS standing,
                (SELECT count(*) FROM keys WHERE keys.owner = names.owner) AS keys
         FROM (SELECT * FROM (SELECT DISTINCT owner FROM keys WHERE ${which} ORDER BY owner LIMIT ?2)
               UNION
               SELECT * FROM (SELECT owner FROM owners WHERE ${which} ORDER BY owner LIMIT ?2)) AS names
         LEFT JOIN owners ON owners.owner = names.owner
         ORDER BY names.owner LIMIT ?2`,
      )
      .bind(after ?? only ?? "", limit)
      .all<ListedOwner>(),
  );
  return results;
}

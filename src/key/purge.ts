import type { Circumstance } from "./change.ts";
import type { KeyEvent } from "./event.ts";
import { hasExpired, type Key } from "./key.ts";
import { isOfCreation } from "./receipt.ts";
import type { Purged } from "./vacancy.ts";

/**
 * What is left of a key that is forgotten: its tombstone and the last event of its history. `null` for a key that
 * somebody could still use: what is purged cannot be explained to anybody afterwards.
 */
export function purge(
  key: Key,
  { now, by, reason }: Circumstance,
): { readonly vacancy: Purged; readonly event: KeyEvent } | null {
  const { profile, standing, receipts } = key;
  if (standing.revokedAt === null && !hasExpired(key, now)) return null;
  const sequence = standing.sequence + 1;
  // Who asked stays known, from where does not: what is left behind must not be personal.
  const asked = { ...by, ip: null, userAgent: null, country: null };
  return {
    vacancy: {
      kind: "purged",
      keyId: profile.id,
      owner: profile.owner,
      sequence,
      creation: receipts.seen.find(isOfCreation) ?? null,
    },
    event: { sequence, type: "key.purged", at: now, by: asked, detail: reason === null ? {} : { reason } },
  };
}

import type { Circumstance } from "./change.ts";
import type { KeyEvent } from "./event.ts";
import { hasExpired, type Key } from "./key.ts";
import { makeEvent } from "./event-making.ts";
import { isOfCreation } from "./receipt.ts";
import type { Purged } from "./vacancy.ts";

/**
 * What is left of a key that is forgotten: its tombstone and the last event of its history. `null` for a key that
 * somebody could still use: what is purged cannot be explained to anybody afterwards.
 */
export function purge(key: Key, circumstance: Circumstance): Buried | null {
  if (key.standing.revokedAt === null && !hasExpired(key, circumstance.now)) return null;
  return bury(key, circumstance);
}

export type Buried = { readonly vacancy: Purged; readonly event: KeyEvent };

/** The same of a key that was purged before, whatever it has become since: a restored copy of it. */
export function bury({ profile, standing, receipts }: Key, { now, by, reason }: Circumstance): Buried {
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
    event: makeEvent(sequence, "key.purged", { now, by: asked }, reason === null ? {} : { reason }),
  };
}

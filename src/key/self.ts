import { identify } from "./identity.ts";
import { unchanged, type Circumstance } from "./change.ts";
import { revoke } from "./standing.ts";
import type { Digest } from "./digest.ts";
import { isAllowedIp } from "./ip.ts";
import { standingRefusal, type Key, type Step } from "./key.ts";
import type { Refusal } from "./refusal.ts";
import type { Asks } from "./self-asks.ts";
import type { EpochMs } from "./time.ts";

/** What a key may be told, or do, on the strength of its own secret. */
export type SelfOutcome = { readonly done: true } | { readonly done: false; readonly refusal: Refusal };

/**
 * Whether the holder of a secret may read the key's record: as an admission would judge it, but spending nothing that the
 * key may use. Whoever holds a secret may ask so often only, whatever the answer.
 */
export function readSelf(key: Key, presented: Digest, ip: string | null, asks: Asks, now: EpochMs): Step<SelfOutcome> {
  const holder = identify(key, presented, now);
  if ("refusal" in holder) return unchanged(key, { done: false, refusal: holder.refusal });
  const refusal = standingRefusal(key, now) ?? asks.take(now);
  if (refusal !== null) return unchanged(key, { done: false, refusal });
  if (!isAllowedIp(ip, key.profile.allowedIps)) {
    return unchanged(key, { done: false, refusal: { reason: "ip-not-allowed" } });
  }
  return unchanged(key, { done: true });
}

/**
 * Ends the key for whoever holds its current secret: from anywhere and in any standing, because whoever finds a leaked
 * key should be able to end it at once. A secret that was replaced ends nothing, not even while its grace runs: it would
 * let a thief of an old one do harm, and it ends by itself.
 */
export function revokeSelf(key: Key, presented: Digest, asks: Asks, circumstance: Circumstance): Step<SelfOutcome> {
  const holder = identify(key, presented, circumstance.now);
  if ("refusal" in holder) return unchanged(key, { done: false, refusal: holder.refusal });
  if (!holder.current) return unchanged(key, { done: false, refusal: { reason: "key-rotated" } });
  // Nothing stands in the way of ending a key; of having it ended again, what stands in the way of reading it.
  const refusal = key.standing.revokedAt === null ? null : asks.take(circumstance.now);
  if (refusal !== null) return unchanged(key, { done: false, refusal });
  return revoke(key, circumstance);
}

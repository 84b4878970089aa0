import type { Key, Profile, Use } from "./key.ts";
import type { QuotaRule, RateLimitRule } from "./policy.ts";
import { freshQuota, quotaAt, type QuotaState } from "./quota.ts";
import { advanceRateLimit } from "./rate-limit.ts";
import type { RateLimitState } from "./rate-limit-algorithms.ts";
import { heldNowhere } from "./reservation.ts";
import type { EpochMs } from "./time.ts";

/**
 * Puts other rules in the place of a key's, and keeps of what has been used all that still means something: `used` of
 * the quota unless its period changes, a rate limit's state by name, algorithm and window.
 *
 * What has refilled or drained until now did so by the old rules; only what comes after follows the new ones.
 */
export function carryOver(key: Key, rules: Profile, now: EpochMs): Key {
  const { profile, use, reservations } = key;
  const next: Use = {
    ...use,
    quota: rules.quota === profile.quota ? use.quota : carriedQuota(profile.quota, rules.quota, use.quota, now),
    rateLimits: rules.rateLimits.map((rule) => carriedRateLimit(profile.rateLimits, rule, use.rateLimits, now)),
    // Whoever was told of the old rule's day has not been told of the new one's.
    rotationAnnounced: use.rotationAnnounced && rules.rotation === profile.rotation,
  };
  return {
    ...key,
    profile: rules,
    use: next,
    reservations: isSameQuota(profile.quota, rules.quota) ? reservations : heldNowhere(reservations),
  };
}

function carriedQuota(
  was: QuotaRule | null,
  is: QuotaRule | null,
  state: QuotaState | null,
  now: EpochMs,
): QuotaState | null {
  if (is === null) return null;
  if (was === null || !isSameQuota(was, is)) return freshQuota(is, now);
  const current = quotaAt(was, state, now);
  // What was carried over into this period is kept as far as the new cap allows.
  const carried = Math.min(current.carried, (is.cap ?? is.limit) - is.limit);
  const { excess: _former, ...counted } = current;
  const excess = current.used - (is.limit + carried);
  return { ...counted, carried, ...(excess > 0 && { excess }) };
}

/** Whether it is the same quota with, perhaps, another limit: then what has been used goes on counting. */
function isSameQuota(was: QuotaRule | null, is: QuotaRule | null): boolean {
  if (was === is) return true;
  if (was === null || is === null) return false;
  if (typeof was.period === "object" || typeof is.period === "object") {
    return JSON.stringify(was.period) === JSON.stringify(is.period);
  }
  // A day elsewhere is another day; a balance has no calendar.
  return was.period === is.period && (is.period === "none" || was.timezone === is.timezone);
}

function carriedRateLimit(
  was: readonly RateLimitRule[],
  rule: RateLimitRule,
  states: readonly RateLimitState[],
  now: EpochMs,
): RateLimitState {
  const at = was.findIndex(
    ({ name, algorithm, windowSeconds }) =>
      name === rule.name && algorithm === rule.algorithm && windowSeconds === rule.windowSeconds,
  );
  return at === -1 ? null : advanceRateLimit(was[at]!, states[at] ?? null, now);
}

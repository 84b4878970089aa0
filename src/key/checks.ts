import type { Admission } from "./admission.ts";
import { identify, type Holder } from "./identity.ts";
import { isAllowedIp } from "./ip.ts";
import type { Key, Use } from "./key.ts";
import { BOUNDS, controlChangesLimit, QUOTA_NAME } from "./policy.ts";
import { takeFromQuota, type QuotaState } from "./quota.ts";
import { takeFromRateLimit } from "./rate-limit.ts";
import type { RateLimitState } from "./rate-limit-algorithms.ts";
import type { Refusal } from "./refusal.ts";
import { countOpen, nextTimeout } from "./reservation.ts";
import { isRotationRequired } from "./rotation-policy.ts";
import { satisfies } from "./scope.ts";
import type { EpochMs } from "./time.ts";

// What may stand against a request, each rule by itself. `admit` asks them in the order of the promise.

export function holderOf(key: Key, request: Admission, now: EpochMs): Holder {
  const visible = request.onlyOwner === undefined || request.onlyOwner === key.profile.owner;
  return visible ? identify(key, request.presented, now) : { refusal: { reason: "unknown-key" } };
}

export const rotationRefusal = (key: Key, now: EpochMs): Refusal | null =>
  isRotationRequired(key, now) ? { reason: "rotation-required" } : null;

export function reachRefusal({ profile }: Key, request: Admission): Refusal | null {
  if (!satisfies(profile.scopes, request.scopes, request.anyScope)) return { reason: "insufficient-scope" };
  return isAllowedIp(request.ip, profile.allowedIps) ? null : { reason: "ip-not-allowed" };
}

/** Too many exchanges at once, or too many open reservations. */
export function crowdRefusal({ profile, reservations }: Key, request: Admission): Refusal | null {
  if (profile.maxConcurrent !== null && request.viaGateway) {
    if (request.open === undefined) return { reason: "slot-required" };
    if (request.open >= profile.maxConcurrent) return { reason: "concurrency-exceeded" };
  }
  if (request.reserve && countOpen(reservations) >= BOUNDS.openReservations) {
    return { reason: "rate-limited", limit: "reservations", retryAt: nextTimeout(reservations)! };
  }
  return null;
}

type Pace =
  { readonly ok: true; readonly next: readonly RateLimitState[] } | { readonly ok: false; readonly refusal: Refusal };

/** Takes from every rate limit, or from none. If several refuse, the one that takes longest to recover is named. */
export function takePace({ profile, use }: Key, cost: number, now: EpochMs): Pace {
  const next: RateLimitState[] = [];
  let slowest: Extract<Refusal, { reason: "rate-limited" }> | null = null;
  for (const [at, rule] of profile.rateLimits.entries()) {
    const take = takeFromRateLimit(rule, use.rateLimits[at] ?? null, cost, now);
    if (take.ok) next.push(take.next);
    else if (take.never) return { ok: false, refusal: { reason: "cost-exceeds-limit", limit: rule.name } };
    else if (slowest === null || take.retryAt > slowest.retryAt) {
      slowest = { reason: "rate-limited", limit: rule.name, retryAt: take.retryAt };
    }
  }
  return slowest === null ? { ok: true, next } : { ok: false, refusal: slowest };
}

type Changes =
  { readonly ok: true; readonly next: Pick<Use, "controlChanges"> } | { readonly ok: false; readonly refusal: Refusal };

/** Takes one of the changes that a control key may make in a minute, if this is one. */
export function takeChange({ use }: Key, { changesPerMinute }: Admission, now: EpochMs): Changes {
  if (changesPerMinute === undefined) return { ok: true, next: {} };
  const rule = controlChangesLimit(changesPerMinute);
  const take = takeFromRateLimit(rule, use.controlChanges ?? null, 1, now);
  if (take.ok) return { ok: true, next: { controlChanges: take.next } };
  if (take.never) return { ok: false, refusal: { reason: "cost-exceeds-limit", limit: rule.name } };
  return { ok: false, refusal: { reason: "rate-limited", limit: rule.name, retryAt: take.retryAt } };
}

type Quota =
  { readonly ok: true; readonly next: QuotaState | null } | { readonly ok: false; readonly refusal: Refusal };

export function takeQuota({ profile, use }: Key, cost: number, now: EpochMs): Quota {
  if (profile.quota === null) return { ok: true, next: null };
  const take = takeFromQuota(profile.quota, use.quota, cost, now);
  if (take.ok) return take;
  return {
    ok: false,
    refusal: take.never
      ? { reason: "cost-exceeds-limit", limit: QUOTA_NAME }
      : { reason: "quota-exceeded", retryAt: take.retryAt },
  };
}

import { allowanceOf, type Allowance } from "./allowance.ts";
import type { Random } from "./base62.ts";
import { change, note, type Circumstance } from "./change.ts";
import type { Fresh } from "./create.ts";
import type { Digest } from "./digest.ts";
import type { By, KeyEvent } from "./event.ts";
import type { Explanation } from "./explain.ts";
import { identify, type Holder, type Identity } from "./identity.ts";
import { install } from "./install.ts";
import { isAllowedIp } from "./ip.ts";
import { standingRefusal, type Key, type Step } from "./key.ts";
import { slideTo } from "./lifetime.ts";
import { BOUNDS, QUOTA_NAME } from "./policy.ts";
import { takeFromQuota, type QuotaState } from "./quota.ts";
import { takeFromRateLimit, type RateLimitState } from "./rate-limit.ts";
import { withoutRepeat } from "./receipt.ts";
import type { Refusal } from "./refusal.ts";
import { countOpen, nextTimeout, reserve, type ReservationId } from "./reservation.ts";
import { dueAt, isDueSoon, isRotationRequired, isSuccessorIssued } from "./rotation-policy.ts";
import { satisfies } from "./scope.ts";
import { rfc3339, type EpochMs } from "./time.ts";

/** One request that wants in. What came later is optional: during a deploy an older Worker does not send it. */
export type Admission = {
  readonly presented: Digest;
  /** Units of quota; 0 needs rate room but no quota. */
  readonly cost: number;
  /** Hold the cost as a reservation, to be settled when it is known. */
  readonly reserve?: boolean;
  /** Scopes of which the key must cover every one. */
  readonly scopes: readonly string[];
  /** Scopes of which the key must cover at least one; empty: no such demand. */
  readonly anyScope: readonly string[];
  /** The client's address as the asker knows it; `null`: not known. */
  readonly ip: string | null;
  /** How many exchanges of this key are open beside this one; absent: the asker brings no slot for it. */
  readonly open?: number;
  /** Whether the asker is the gateway, where a key's exchanges can be counted. */
  readonly viaGateway?: boolean;
  /** The only owner whose keys exist for the one who asks; absent: every owner's. */
  readonly onlyOwner?: string;
  /** Say which rule decided, and what each counter held. */
  readonly explain?: boolean;
  /** The request that is to be admitted, for the events that its admission may cause. */
  readonly requestId?: string;
  /** Only ask: nothing is taken, and the answer is information, not an admission. */
  readonly dryRun: boolean;
};

/** `at` is the instant of the decision by the object's clock; every instant in the verdict compares with it. */
export type Verdict =
  | {
      readonly admitted: true;
      readonly at: EpochMs;
      readonly identity: Identity;
      readonly allowance: Allowance;
      readonly reservation: { readonly id: ReservationId; readonly expiresAt: EpochMs } | null;
      /** Only where it was asked for. */
      readonly explanation?: Explanation;
      /** The successor, handed to exactly this request because its policy says so. */
      readonly newKey: string | null;
    }
  | {
      readonly admitted: false;
      readonly at: EpochMs;
      readonly refusal: Refusal;
      readonly explanation?: Explanation;
      readonly identity: Identity | null;
      /** Told when pace or allowance refused. */
      readonly allowance: Allowance | null;
    };

/**
 * Decides one request and spends what it costs, in a single step.
 *
 * The order is the promise: identity, then standing, then reach, then pace, then allowance. Allowance comes last
 * because it is the only thing that cannot be given back. A request refused for any reason spends nothing at all.
 *
 */
export function admit(key: Key, request: Admission, now: EpochMs, { mint, random }: Chance): Step<Verdict> {
  const holder = holderOf(key, request, now);
  const refuse = (refusal: Refusal, allowance: Allowance | null = null): Step<Verdict> => {
    const identity = "identity" in holder ? holder.identity : null;
    return { key, events: [], answer: { admitted: false, at: now, refusal, identity, allowance } };
  };

  if ("refusal" in holder) return refuse(holder.refusal);
  const barrier = standingRefusal(key, now) ?? rotationRefusal(key, now) ?? reachRefusal(key, request);
  if (barrier !== null) return refuse(barrier);
  const crowd = crowdRefusal(key, request);
  if (crowd !== null) return refuse(crowd, allowanceOf(key, now));
  const pace = takePace(key, request.cost, now);
  if (!pace.ok) return refuse(pace.refusal, allowanceOf(key, now));
  const quota = takeQuota(key, request.cost, now);
  if (!quota.ok) return refuse(quota.refusal, allowanceOf(key, now));

  const counted = count(key, request, holder.current, pace.next, quota.next, now);
  const held = request.reserve && !request.dryRun ? reserve(counted, request.cost, quota.next, random, now) : null;
  const moved = followPolicy(
    held === null ? counted : { ...counted, reservations: held.reservations },
    holder.current,
    {
      now,
      mint,
      by: { actor: key.profile.id, requestId: request.requestId ?? "", ip: request.ip, userAgent: null, country: null },
    },
  );
  const answer: Verdict = {
    admitted: true,
    at: now,
    identity: holder.identity,
    allowance: allowanceOf(counted, now),
    reservation: held === null ? null : { id: held.reservation.id, expiresAt: held.reservation.expiresAt },
    newKey: request.dryRun ? null : moved.newKey,
  };
  return request.dryRun ? { key, events: [], answer } : { key: moved.key, events: moved.events, answer };
}

/** What an admission may need that no rule can make: a successor, if it is the one that gets it, and a random id. */
export type Chance = { readonly mint: () => Fresh; readonly random: Random };

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

/** The key after an admission, as far as every admission changes it. */
function count(
  key: Key,
  { cost }: Admission,
  withCurrentSecret: boolean,
  rateLimits: readonly RateLimitState[],
  quota: QuotaState | null,
  now: EpochMs,
): Key {
  const { use, receipts } = key;
  return {
    ...key,
    use: {
      newest: now,
      lastUsedAt: now,
      admitted: use.admitted + 1,
      units: use.units + cost,
      // A secret in its grace counts for nothing.
      admittedWithSecret: use.admittedWithSecret + (withCurrentSecret ? 1 : 0),
      rotationAnnounced: use.rotationAnnounced,
      quota,
      rateLimits,
      selfRotations: use.selfRotations,
    },
    // Whoever uses the new secret has it, so its answer need not be repeated to anybody any more.
    receipts: withCurrentSecret ? withoutRepeat(receipts) : receipts,
  };
}

/** What a policy makes of an admission: a session slides, a secret is due soon, or its successor is handed out. */
function followPolicy(
  key: Key,
  withCurrentSecret: boolean,
  { now, by, mint }: { readonly now: EpochMs; readonly by: By; readonly mint: Chance["mint"] },
): { readonly key: Key; readonly events: readonly KeyEvent[]; readonly newKey: string | null } {
  const circumstance: Circumstance = { now, by, reason: null };
  let moved = key;
  const events: KeyEvent[] = [];
  const move = (step: { readonly key: Key; readonly events: readonly KeyEvent[] }): void => {
    moved = step.key;
    events.push(...step.events);
  };

  const end = slideTo(key, now);
  if (end !== null) move(change(moved, { expiresAt: end }, "key.slid", circumstance, { expiresAt: rfc3339(end) }));
  if (!withCurrentSecret || key.profile.rotation === null) return { key: moved, events, newKey: null };

  if (isSuccessorIssued(moved, now)) {
    const fresh = mint();
    move(install(moved, key.profile.rotation.graceSeconds, null, fresh, circumstance));
    return { key: moved, events, newKey: fresh.credential };
  }
  if (isDueSoon(moved, now)) move(announceRotation(moved, circumstance));
  return { key: moved, events, newKey: null };
}

/** Tells people, once for each secret, that it will be due. */
export function announceRotation(
  key: Key,
  circumstance: Circumstance,
): { readonly key: Key; readonly events: readonly KeyEvent[] } {
  const due = dueAt(key);
  const { afterUses } = key.profile.rotation!;
  const usesLeft = afterUses === null ? null : Math.max(0, afterUses - key.use.admittedWithSecret);
  const detail = { version: key.standing.version, dueAt: due === null ? null : rfc3339(due), usesLeft };
  const noted = note(key, "key.rotation-due-soon", circumstance, detail);
  return { ...noted, key: { ...noted.key, use: { ...noted.key.use, rotationAnnounced: true } } };
}

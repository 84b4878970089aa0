import type { KeyId } from "./credential.ts";
import { sameDigest, type Digest } from "./digest.ts";
import { isAllowedIp } from "./ip.ts";
import { standingRefusal, type Key, type Step } from "./key.ts";
import { QUOTA_NAME, type Metadata } from "./policy.ts";
import { readQuota, takeFromQuota, type QuotaReading, type QuotaState } from "./quota.ts";
import { readRateLimit, takeFromRateLimit, type RateLimitReading, type RateLimitState } from "./rate-limit.ts";
import { withoutRepeat } from "./receipt.ts";
import type { Refusal } from "./refusal.ts";
import { satisfies } from "./scope.ts";
import type { EpochMs } from "./time.ts";

/** One request that wants in. */
export type Admission = {
  readonly presented: Digest;
  /** Units of quota; 0 needs rate room but no quota. */
  readonly cost: number;
  /** Scopes of which the key must cover every one. */
  readonly scopes: readonly string[];
  /** Scopes of which the key must cover at least one; empty: no such demand. */
  readonly anyScope: readonly string[];
  /** The client's address as the asker knows it; `null`: not known. */
  readonly ip: string | null;
  /** The only owner whose keys exist for the one who asks; absent: every owner's. */
  readonly onlyOwner?: string;
  /** Only ask: nothing is taken, and the answer is information, not an admission. */
  readonly dryRun: boolean;
};

/** Who presented a secret. Only told to those who proved possession of one. */
export type Identity = {
  readonly keyId: KeyId;
  readonly owner: string | null;
  /** The version of the presented secret. */
  readonly version: number;
  /** `null` for a retired secret: its holder learns nothing more of the key. */
  readonly details: IdentityDetails | null;
};

export type IdentityDetails = {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly metadata: Metadata;
  readonly expiresAt: EpochMs | null;
};

/** What is left of the quota and of each rate limit. */
export type Allowance = { readonly quota: QuotaReading | null; readonly rateLimits: readonly RateLimitReading[] };

/** `at` is the instant of the decision by the object's clock; every instant in the verdict compares with it. */
export type Verdict =
  | { readonly admitted: true; readonly at: EpochMs; readonly identity: Identity; readonly allowance: Allowance }
  | {
      readonly admitted: false;
      readonly at: EpochMs;
      readonly refusal: Refusal;
      readonly identity: Identity | null;
      /** Told when pace or allowance refused. */
      readonly allowance: Allowance | null;
    };

/**
 * Decides one request and spends what it costs, in a single step.
 *
 * The order is the promise: identity, then standing, then reach, then pace, then allowance. Allowance comes last
 * because it is the only thing that cannot be given back. A request refused for any reason spends nothing at all.
 */
export function admit(key: Key, request: Admission, now: EpochMs): Step<Verdict> {
  const visible = request.onlyOwner === undefined || request.onlyOwner === key.profile.owner;
  const holder: Holder = visible ? identify(key, request.presented, now) : { refusal: { reason: "unknown-key" } };
  const refuse = (refusal: Refusal, allowance: Allowance | null = null): Step<Verdict> => {
    const identity = "identity" in holder ? holder.identity : null;
    return { key, events: [], answer: { admitted: false, at: now, refusal, identity, allowance } };
  };

  if ("refusal" in holder) return refuse(holder.refusal);
  const standing = standingRefusal(key, now);
  if (standing !== null) return refuse(standing);

  if (!satisfies(key.profile.scopes, request.scopes, request.anyScope)) return refuse({ reason: "insufficient-scope" });
  if (!isAllowedIp(request.ip, key.profile.allowedIps)) return refuse({ reason: "ip-not-allowed" });

  const pace = takePace(key, now);
  if (!pace.ok) return refuse(pace.refusal, allowanceOf(key, now));
  const quota = takeQuota(key, request.cost, now);
  if (!quota.ok) return refuse(quota.refusal, allowanceOf(key, now));

  const admitted: Key = {
    ...key,
    use: {
      newest: now,
      lastUsedAt: now,
      admitted: key.use.admitted + 1,
      admittedWithSecret: key.use.admittedWithSecret + (holder.current ? 1 : 0),
      quota: quota.next,
      rateLimits: pace.next,
      selfRotations: key.use.selfRotations,
    },
    // Whoever uses the new secret has it, so its answer need not be repeated to anybody any more.
    receipts: holder.current ? withoutRepeat(key.receipts) : key.receipts,
  };
  return {
    key: request.dryRun ? key : admitted,
    events: [],
    answer: { admitted: true, at: now, identity: holder.identity, allowance: allowanceOf(admitted, now) },
  };
}

/** Who presents a secret. `current`: it is the key's newest one, not one in its grace. */
export type Holder =
  | { readonly identity: Identity; readonly current: boolean }
  | { readonly identity: Identity; readonly refusal: Refusal }
  | { readonly refusal: Refusal };

/** Whose secret this is: the current one, one in grace, a retired one, or nobody's. */
export function identify({ profile, standing }: Key, presented: Digest, now: EpochMs): Holder {
  const { id: keyId, owner } = profile;
  const details = (): IdentityDetails => ({
    name: profile.name,
    scopes: profile.scopes,
    metadata: profile.metadata,
    expiresAt: standing.expiresAt,
  });
  if (sameDigest(presented, standing.secret.digest)) {
    return { identity: { keyId, owner, version: standing.version, details: details() }, current: true };
  }
  const retired = standing.retired.find(({ digest }) => sameDigest(presented, digest));
  if (retired === undefined) return { refusal: { reason: "wrong-secret" } };
  if (now < retired.validUntil) {
    return { identity: { keyId, owner, version: retired.version, details: details() }, current: false };
  }
  return { identity: { keyId, owner, version: retired.version, details: null }, refusal: { reason: "key-rotated" } };
}

type Pace =
  { readonly ok: true; readonly next: readonly RateLimitState[] } | { readonly ok: false; readonly refusal: Refusal };

/** Takes one from every rate limit, or from none. If several refuse, the one that takes longest to recover is named. */
function takePace({ profile, use }: Key, now: EpochMs): Pace {
  const next: RateLimitState[] = [];
  let slowest: Extract<Refusal, { reason: "rate-limited" }> | null = null;
  for (const [at, rule] of profile.rateLimits.entries()) {
    const take = takeFromRateLimit(rule, use.rateLimits[at] ?? null, 1, now);
    if (take.ok) next.push(take.next);
    else if (slowest === null || take.retryAt > slowest.retryAt) {
      slowest = { reason: "rate-limited", limit: rule.name, retryAt: take.retryAt };
    }
  }
  return slowest === null ? { ok: true, next } : { ok: false, refusal: slowest };
}

type Quota =
  { readonly ok: true; readonly next: QuotaState | null } | { readonly ok: false; readonly refusal: Refusal };

function takeQuota({ profile, use }: Key, cost: number, now: EpochMs): Quota {
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

/** What is left at an instant. */
export function allowanceOf({ profile, use }: Pick<Key, "profile" | "use">, now: EpochMs): Allowance {
  return {
    quota: profile.quota === null ? null : readQuota(profile.quota, use.quota, now),
    rateLimits: profile.rateLimits.map((rule, at) => readRateLimit(rule, use.rateLimits[at] ?? null, now)),
  };
}

import { after, type EpochMs } from "./time.ts";
import type { Profile } from "./key.ts";
import type { Boundary, QuotaCeiling, QuotaPeriod, QuotaRule, RateLimitRule } from "./policy.ts";
import { covers, isControlScope } from "./scope.ts";

/** A key as it would be, with its end. */
type Result = { readonly profile: Profile; readonly expiresAt: EpochMs | null };

/** What a field would have to be, for people, if it lies beyond the boundary; else `null`. */
type Row = (boundary: Boundary, result: Result) => string | null;

/** Says nothing about how far a key reaches: who it is, and how it is looked after within what it may do. */
const FREE: Row = () => null;

/** Every field of a key is judged here, or free: one that is new does not compile without a row. */
const ROWS: { readonly [Field in keyof Profile | "expiresAt"]: Row } = {
  id: FREE,
  name: FREE,
  // Whose keys a control key may touch is judged before (`sees`), and an owner never changes.
  owner: FREE,
  kind: FREE,
  environment: ({ environments }, { profile }) =>
    environments === null || environments.includes(profile.environment) ? null : `one of ${list(environments)}`,
  prefix: FREE,
  createdAt: FREE,
  scopes: ({ grantable }, { profile }) =>
    areCovered(grantable, profile.scopes) ? null : `covered by ${list(grantable)}`,
  allowedIps: FREE,
  quota: ({ quota }, { profile }) => (isWithinQuota(quota, profile.quota) ? null : quotaWords(quota)),
  rateLimits: ({ rateLimits }, { profile }) =>
    rateLimits.every((ceiling) => profile.rateLimits.some((rule) => isAsStrict(ceiling, rule)))
      ? null
      : `at least as strict as ${rateLimits.map(rateWords).join(", ")}`,
  // Of a token it became its end, and of a session the cap is what counts.
  lifetimeSeconds: FREE,
  maxLifetimeSeconds: ({ lifetimeSeconds }, { profile }) =>
    profile.kind !== "session" || isAtMost(lifetimeSeconds, profile.maxLifetimeSeconds)
      ? null
      : `at most ${lifetimeSeconds}`,
  idleSeconds: FREE,
  rotation: FREE,
  maxConcurrent: ({ maxConcurrent }, { profile }) =>
    isAtMost(maxConcurrent, profile.maxConcurrent) ? null : `at most ${maxConcurrent}`,
  reserveSeconds: FREE,
  onReservationTimeout: FREE,
  selfRotate: FREE,
  suspicion: FREE,
  metadata: FREE,
  boundary: (boundary, { profile }) => {
    const needed = profile.scopes.some(isControlScope);
    if (profile.boundary === null) return needed ? "given, and within that of the control key" : null;
    return isWithin(boundary, profile.boundary) ? null : "within that of the control key";
  },
  // Counted from its creation: whoever prolongs a key again and again does not get past it.
  expiresAt: ({ lifetimeSeconds }, { profile, expiresAt }) =>
    lifetimeSeconds === null || (expiresAt !== null && expiresAt <= after(profile.createdAt, lifetimeSeconds * 1000))
      ? null
      : `at most ${lifetimeSeconds} s after the key's creation`,
};

/**
 * What of a key would lie beyond a boundary: each field with what it would have to be, as a sentence for people; `null`
 * if nothing does. The key is judged whole and as it would be: what it had before counts as what is given to it now.
 */
export function beyond(boundary: Boundary | null | undefined, result: Result): string | null {
  if (boundary === null || boundary === undefined) return null;
  const faults = Object.entries(ROWS).flatMap(([field, row]) => {
    const ceiling = row(boundary, result);
    return ceiling === null ? [] : [`${field} must be ${ceiling}`];
  });
  return faults.length === 0 ? null : `Beyond the boundary of this control key: ${faults.join("; ")}.`;
}

/** Whether a boundary that is given away lets nothing through that the giver's does not. */
function isWithin(outer: Boundary, inner: Boundary): boolean {
  const { environments } = outer;
  return (
    areCovered(outer.grantable, inner.grantable) &&
    (environments === null ||
      (inner.environments !== null && inner.environments.every((name) => environments.includes(name)))) &&
    isWithinQuota(outer.quota, inner.quota === null ? null : { ...inner.quota, cap: null }) &&
    outer.rateLimits.every((ceiling) => inner.rateLimits.some((rule) => isAsStrict(ceiling, rule))) &&
    isAtMost(outer.maxConcurrent, inner.maxConcurrent) &&
    isAtMost(outer.lifetimeSeconds, inner.lifetimeSeconds)
  );
}

const areCovered = (by: readonly string[], scopes: readonly string[]): boolean =>
  scopes.every((scope) => by.some((granted) => covers(granted, scope)));

/** `null` is without end, on either side. */
const isAtMost = (ceiling: number | null, value: number | null): boolean =>
  ceiling === null || (value !== null && value <= ceiling);

/** What is carried over can be spent at once, so it counts as the limit. */
const isWithinQuota = (
  ceiling: QuotaCeiling | null,
  rule: Pick<QuotaRule, "limit" | "period" | "cap"> | null,
): boolean =>
  ceiling === null ||
  (rule !== null &&
    Math.max(rule.limit, rule.cap ?? 0) <= ceiling.limit &&
    (rule.period === ceiling.period || shortestOf(rule.period) >= LENGTHS[ceiling.period].longest));

/** How long a period of each kind can be, in seconds: a day has 23 to 25 hours where clocks are put forward and back. */
const HOUR = 3600;
const DAY = 24 * HOUR;
const LENGTHS: {
  readonly [Period in QuotaCeiling["period"]]: { readonly shortest: number; readonly longest: number };
} = {
  none: { shortest: Infinity, longest: Infinity },
  hour: { shortest: HOUR, longest: HOUR },
  day: { shortest: DAY - HOUR, longest: DAY + HOUR },
  week: { shortest: 7 * DAY - HOUR, longest: 7 * DAY + HOUR },
  month: { shortest: 28 * DAY - HOUR, longest: 31 * DAY + HOUR },
};

const shortestOf = (period: QuotaPeriod): number =>
  typeof period === "string" ? LENGTHS[period].shortest : period.everySeconds;

/** Whether a limit lets through no more than another, of whatever name. Only limits of one kind are compared. */
const isAsStrict = (ceiling: RateLimitRule, rule: RateLimitRule): boolean =>
  rule.algorithm === ceiling.algorithm &&
  rule.unit === ceiling.unit &&
  rule.limit <= ceiling.limit &&
  rule.windowSeconds >= ceiling.windowSeconds &&
  !(rule.algorithm === "bucket" && ceiling.algorithm === "bucket" && rule.burst > ceiling.burst);

const list = (names: readonly string[]): string => (names.length === 0 ? "nothing" : names.join(", "));

const quotaWords = (ceiling: QuotaCeiling | null): string =>
  ceiling?.period === "none"
    ? `at most ${ceiling.limit} in all`
    : `at most ${ceiling?.limit} in a ${ceiling?.period}, or in a longer period`;

const rateWords = (rule: RateLimitRule): string =>
  `${rule.limit} ${rule.unit === "cost" ? "units" : "requests"} in ${rule.windowSeconds} s (${rule.algorithm}${rule.algorithm === "bucket" ? `, burst ${rule.burst}` : ""})`;

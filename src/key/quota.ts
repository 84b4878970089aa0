import { instantOfRefill, refillsBetween, spanOf, type Span } from "./period.ts";
import type { QuotaRule } from "./policy.ts";
import type { EpochMs } from "./time.ts";

/**
 * What has been used, in which period, and what was carried over into it. `span` is `null` for a balance that never
 * refills.
 */
export type QuotaState = {
  readonly span: Span | null;
  readonly used: number;
  readonly carried: number;
  /** How much of it had been used above a limit that was lowered, when it was lowered; absent: nothing. */
  readonly excess?: number;
  /** The highest share of it, in percent, of which people were told; absent: none. */
  readonly told?: number;
};

/** What a quota says to a cost. `never`: it is more than can ever be available at once, so waiting does not help. */
export type QuotaTake =
  | { readonly ok: true; readonly next: QuotaState }
  | { readonly ok: false; readonly never: boolean; readonly retryAt: EpochMs | null };

/** What is left, for people and headers. `resetsAt` and `startsAt` are `null` for a balance that never refills. */
export type QuotaReading = {
  readonly rule: QuotaRule;
  readonly used: number;
  readonly remaining: number;
  readonly startsAt: EpochMs | null;
  readonly resetsAt: EpochMs | null;
};

/** A quota of which nothing has been used. */
export const freshQuota = (rule: QuotaRule, now: EpochMs): QuotaState => quotaAt(rule, null, now);

/**
 * Takes `cost` units, or says when they would fit. A cost of 0 fits even into a quota that is spent.
 *
 * The refill is computed here, at the instant it is due, and nowhere else: there is no job that could be late.
 */
export function takeFromQuota(rule: QuotaRule, state: QuotaState | null, cost: number, now: EpochMs): QuotaTake {
  const current = quotaAt(rule, state, now);
  if (cost === 0) return { ok: true, next: current };
  const missing = cost - remainingOf(rule, current);
  if (missing <= 0) return { ok: true, next: { ...current, used: current.used + cost } };
  // Credits can be added to a balance, so no cost is too large for one for ever.
  if (rule.period === "none" || current.span === null) return { ok: false, never: false, retryAt: null };
  if (cost > (rule.cap ?? rule.limit)) return { ok: false, never: true, retryAt: null };
  const refills = rule.refill === "add" ? Math.ceil(missing / rule.limit) : 1;
  const retryAt = instantOfRefill(rule.period, rule.timezone, current.span, refills);
  return { ok: false, never: false, retryAt };
}

/** Reads the quota at an instant without taking anything. */
export function readQuota(rule: QuotaRule, state: QuotaState | null, now: EpochMs): QuotaReading {
  const current = quotaAt(rule, state, now);
  return {
    rule,
    used: current.used,
    remaining: remainingOf(rule, current),
    startsAt: current.span?.startsAt ?? null,
    resetsAt: current.span?.endsAt ?? null,
  };
}

/** The state as it stands in the period of `now`: the one given, or what the refills since then have made of it. */
export function quotaAt(rule: QuotaRule, state: QuotaState | null, now: EpochMs): QuotaState {
  if (rule.period === "none") return state ?? { span: null, used: 0, carried: 0 };
  if (state?.span && now < state.span.endsAt) return state;
  const span = spanOf(rule.period, rule.timezone, now);
  if (!state?.span || rule.refill === "reset") return { span, used: 0, carried: 0 };

  const cap = rule.cap ?? rule.limit;
  const left = remainingOf(rule, state);
  const refills = refillsBetween(rule.period, rule.timezone, state.span, now);
  const available = Math.min(cap, left + refills * rule.limit);
  return { span, used: 0, carried: available - rule.limit };
}

/** Never below zero: a limit that was lowered below what is used leaves nothing, and no debt. */
export const remainingOf = (rule: QuotaRule, { used, carried }: QuotaState): number =>
  Math.max(0, rule.limit + carried - used);

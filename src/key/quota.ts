import { spanOf, type Span } from "./period.ts";
import type { QuotaRule } from "./policy.ts";
import type { EpochMs } from "./time.ts";

/** What has been used, in which period. `span` is `null` for a balance that never refills. */
export type QuotaState = { readonly span: Span | null; readonly used: number };

/** What a quota says to a cost. `never`: it is more than any period holds, so waiting does not help. */
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
export const freshQuota = (rule: QuotaRule, now: EpochMs): QuotaState => currentQuota(rule, null, now);

/**
 * Takes `cost` units, or says when they would fit. A cost of 0 fits even into a quota that is spent.
 *
 * The refill is computed here, at the instant it is due, and nowhere else: there is no job that could be late.
 */
export function takeFromQuota(rule: QuotaRule, state: QuotaState | null, cost: number, now: EpochMs): QuotaTake {
  const current = currentQuota(rule, state, now);
  if (cost === 0) return { ok: true, next: current };
  // Credits can be added to a balance, so no cost is too large for one for ever.
  if (cost > rule.limit && current.span !== null) return { ok: false, never: true, retryAt: null };
  const used = current.used + cost;
  if (used > rule.limit) return { ok: false, never: false, retryAt: current.span?.endsAt ?? null };
  return { ok: true, next: { ...current, used } };
}

/** Reads the quota at an instant without taking anything. */
export function readQuota(rule: QuotaRule, state: QuotaState | null, now: EpochMs): QuotaReading {
  const { used, span } = currentQuota(rule, state, now);
  return {
    rule,
    used,
    remaining: Math.max(0, rule.limit - used),
    startsAt: span?.startsAt ?? null,
    resetsAt: span?.endsAt ?? null,
  };
}

/** The state as it stands in the period of `now`: the one given, or a fresh one if that period is over. */
function currentQuota(rule: QuotaRule, state: QuotaState | null, now: EpochMs): QuotaState {
  if (rule.period === "none") return state ?? { span: null, used: 0 };
  if (state?.span && now < state.span.endsAt) return state;
  return { span: spanOf(rule.period, now), used: 0 };
}

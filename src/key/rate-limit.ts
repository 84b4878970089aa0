import type { RateLimitRule } from "./policy.ts";
import { after, type EpochMs } from "./time.ts";

/** Where a rate limit stands: when its present window was opened and how much of it is used. `null`: never opened. */
export type RateLimitState = { readonly openedAt: EpochMs; readonly used: number } | null;

/** What a rate limit says to one more request. A refusal has no next state: refused requests are free. */
export type RateLimitTake =
  { readonly ok: true; readonly next: RateLimitState } | { readonly ok: false; readonly retryAt: EpochMs };

/** What is left, for people and headers. `resetsAt` is the first instant of a new window; `null` when none is open. */
export type RateLimitReading = {
  readonly rule: RateLimitRule;
  readonly remaining: number;
  readonly resetsAt: EpochMs | null;
};

/**
 * Takes `amount` from the limit, or says when it would fit.
 *
 * The algorithm `window`: the first request opens a window; it is over when *more* than `windowSeconds` have passed.
 * A request exactly `windowSeconds` after the first still belongs to the old window.
 */
export function takeFromRateLimit(
  rule: RateLimitRule,
  state: RateLimitState,
  amount: number,
  now: EpochMs,
): RateLimitTake {
  const open = openWindow(rule, state, now);
  const used = (open?.used ?? 0) + amount;
  if (used <= rule.limit) return { ok: true, next: { openedAt: open?.openedAt ?? now, used } };
  return { ok: false, retryAt: endOf(rule, open?.openedAt ?? now) };
}

/** Reads the limit at an instant without taking anything. */
export function readRateLimit(rule: RateLimitRule, state: RateLimitState, now: EpochMs): RateLimitReading {
  const open = openWindow(rule, state, now);
  return {
    rule,
    remaining: Math.max(0, rule.limit - (open?.used ?? 0)),
    resetsAt: open === null ? null : endOf(rule, open.openedAt),
  };
}

const openWindow = (rule: RateLimitRule, state: RateLimitState, now: EpochMs): RateLimitState =>
  state === null || now >= endOf(rule, state.openedAt) ? null : state;

/** The first instant that no longer belongs to the window. */
const endOf = (rule: RateLimitRule, openedAt: EpochMs): EpochMs => after(openedAt, rule.windowSeconds * 1000 + 1);

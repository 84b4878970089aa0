import type { RateLimitRule } from "./policy.ts";
import { algorithmOf, type PackedRateLimit, type RateLimitState } from "./rate-limit-algorithms.ts";
import type { EpochMs } from "./time.ts";

/** What a rate limit says. A refusal has no next state: refused requests are free. `never`: it can never fit. */
export type RateLimitTake =
  | { readonly ok: true; readonly next: RateLimitState }
  | { readonly ok: false; readonly never: false; readonly retryAt: EpochMs }
  | { readonly ok: false; readonly never: true };

/** What is left, for people and headers. `resetsAt` is `null` when nothing is taken at the moment. */
export type RateLimitReading = {
  readonly rule: RateLimitRule;
  readonly remaining: number;
  readonly resetsAt: EpochMs | null;
};

/** Takes what a request of this cost takes from the limit, or says when it would fit. */
export function takeFromRateLimit(
  rule: RateLimitRule,
  state: RateLimitState,
  cost: number,
  now: EpochMs,
): RateLimitTake {
  const amount = rule.unit === "cost" ? cost : 1;
  const algorithm = algorithmOf(rule);
  if (amount > algorithm.most(rule)) return { ok: false, never: true };
  const taken = algorithm.take(rule, own(rule, state), amount, now);
  return typeof taken === "number" ? { ok: false, never: false, retryAt: taken } : { ok: true, next: taken };
}

/** Reads the limit at an instant without taking anything. */
export const readRateLimit = (rule: RateLimitRule, state: RateLimitState, now: EpochMs): RateLimitReading => ({
  rule,
  ...algorithmOf(rule).read(rule, own(rule, state), now),
});

/** The same state for a rule that takes the old one's place at `now`: what has drained, has drained by the old one. */
export function advanceRateLimit(rule: RateLimitRule, state: RateLimitState, now: EpochMs): RateLimitState {
  const known = own(rule, state);
  return known === null ? state : algorithmOf(rule).advance(rule, known, now);
}

export const packRateLimit = (state: RateLimitState): PackedRateLimit =>
  state === null ? null : algorithmOf(state).pack(state);

export const unpackRateLimit = (packed: PackedRateLimit): RateLimitState =>
  packed === null ? null : algorithmOf(packed).unpack(packed);

/** The state if it is of the rule's algorithm. Another one's has no meaning here; an amendment does not carry it over. */
const own = (rule: RateLimitRule, state: RateLimitState): RateLimitState =>
  state?.algorithm === rule.algorithm ? state : null;

import type { RateLimitRule } from "./policy.ts";
import { bucketLimit, type BucketState } from "./rate-limit-bucket.ts";
import { slidingLimit, type SlidingState } from "./rate-limit-sliding.ts";
import { windowLimit, type WindowState } from "./rate-limit-window.ts";
import type { EpochMs } from "./time.ts";

/** Where a rate limit stands, by its algorithm. `null`: nothing was ever taken. */
export type RateLimitState = WindowState | SlidingState | BucketState | null;

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
  if (amount > mostOf(rule)) return { ok: false, never: true };
  const taken = take(rule, state, amount, now);
  return typeof taken === "number" ? { ok: false, never: false, retryAt: taken } : { ok: true, next: taken };
}

/** Reads the limit at an instant without taking anything. */
export function readRateLimit(rule: RateLimitRule, state: RateLimitState, now: EpochMs): RateLimitReading {
  return { rule, ...read(rule, state, now) };
}

/** The same state for a rule that takes the old one's place at `now`: what has drained, has drained by the old one. */
export const advanceRateLimit = (rule: RateLimitRule, state: RateLimitState, now: EpochMs): RateLimitState =>
  rule.algorithm === "bucket" ? bucketLimit.advance(rule, own(state, rule.algorithm), now) : state;

/** The most that fits at once: what is above it never fits, however long one waits. */
const mostOf = (rule: RateLimitRule): number => (rule.algorithm === "bucket" ? rule.burst : rule.limit);

/** The state after taking, or the instant at which it would fit. A new algorithm gets its line here and in `read`. */
function take(rule: RateLimitRule, state: RateLimitState, amount: number, now: EpochMs) {
  switch (rule.algorithm) {
    case "window":
      return windowLimit.take(rule, own(state, rule.algorithm), amount, now);
    case "sliding":
      return slidingLimit.take(rule, own(state, rule.algorithm), amount, now);
    case "bucket":
      return bucketLimit.take(rule, own(state, rule.algorithm), amount, now);
  }
}

function read(rule: RateLimitRule, state: RateLimitState, now: EpochMs) {
  switch (rule.algorithm) {
    case "window":
      return windowLimit.read(rule, own(state, rule.algorithm), now);
    case "sliding":
      return slidingLimit.read(rule, own(state, rule.algorithm), now);
    case "bucket":
      return bucketLimit.read(rule, own(state, rule.algorithm), now);
  }
}

/** The state if it is of this algorithm. Another one's has no meaning here; an amendment does not carry it over. */
const own = <Algorithm extends RateLimitRule["algorithm"]>(state: RateLimitState, algorithm: Algorithm) =>
  (state?.algorithm === algorithm ? state : null) as Extract<RateLimitState, { algorithm: Algorithm }> | null;

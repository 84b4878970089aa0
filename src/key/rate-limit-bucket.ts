import { BOUNDS, type BucketRule } from "./policy.ts";
import { PLAIN, type RateLimitAlgorithm } from "./rate-limit-algorithm.ts";
import { after, epochMs, type EpochMs } from "./time.ts";

/**
 * How full the bucket was, and when. The level is in ticks: a unit is `windowSeconds` × 1000 of them and `limit` of them
 * drain each millisecond, so that every number is an integer and 3,000 a second is exactly that.
 */
export type BucketState = { readonly algorithm: "bucket"; readonly at: EpochMs; readonly level: number };

/**
 * The algorithm `bucket`: at most `burst` at once, drained evenly at `limit` per window.
 *
 * A clock that steps back finds the bucket no emptier than it was: nothing drains until time has caught up.
 * Source: GCRA, ITU-T I.371 annex A (continuous-state leaky bucket form).
 */
export const bucketLimit: RateLimitAlgorithm<BucketRule, BucketState> = {
  ...PLAIN,
  summary: "drained evenly, at most `burst` at once",
  options: ["burst"],
  // Written by people as `limit` alone, where the whole limit may come at once.
  complete: (rule: BucketRule) => ({ ...rule, burst: rule.burst ?? rule.limit }),

  fault: ({ burst, limit, windowSeconds }) =>
    (burst ?? limit) * windowSeconds * 1000 > BOUNDS.bucketTicks
      ? { option: "burst", message: "must be smaller: burst × windowSeconds × 1000 must not be above 2^53" }
      : null,

  most: ({ burst }) => burst,

  take(rule: BucketRule, state: BucketState | null, amount: number, now: EpochMs): BucketState | EpochMs {
    const level = levelAt(rule, state, now);
    const missing = amount * ticks(rule) - (rule.burst * ticks(rule) - level);
    if (missing > 0) return after(now, Math.ceil(missing / rule.limit));
    return { algorithm: "bucket", at: newest(state, now), level: level + amount * ticks(rule) };
  },

  advance(rule: BucketRule, state: BucketState, now: EpochMs): BucketState {
    return { algorithm: "bucket", at: newest(state, now), level: levelAt(rule, state, now) };
  },

  read(rule: BucketRule, state: BucketState | null, now: EpochMs) {
    const level = levelAt(rule, state, now);
    return {
      // Whole numbers below 2^53 divide without a rounding that could cross an integer.
      remaining: Math.max(0, Math.floor((rule.burst * ticks(rule) - level) / ticks(rule))),
      // The instant at which the bucket is empty again.
      resetsAt: level === 0 ? null : after(now, Math.ceil(level / rule.limit)),
    };
  },
};

const newest = (state: BucketState | null, now: EpochMs): EpochMs => epochMs(Math.max(now, state?.at ?? now));

const ticks = (rule: BucketRule): number => rule.windowSeconds * 1000;

/** Whatever drained may be more than a number holds exactly, but then it is also more than any level. */
const levelAt = (rule: BucketRule, state: BucketState | null, now: EpochMs): number =>
  state === null ? 0 : Math.max(0, state.level - Math.max(0, now - state.at) * rule.limit);

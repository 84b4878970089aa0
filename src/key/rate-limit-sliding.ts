import type { SlidingRule } from "./policy.ts";
import { PLAIN, type RateLimitAlgorithm } from "./rate-limit-algorithm.ts";
import { after, epochMs, type EpochMs } from "./time.ts";

/** When each unit was taken, oldest first. Never longer than the limit, which is bounded for that reason. */
export type SlidingState = { readonly algorithm: "sliding"; readonly stamps: readonly EpochMs[] };

/** Only the first stamp is a whole instant, each other the distance from the one before it, in milliseconds. */
export type PackedSliding = { readonly algorithm: "sliding"; readonly distances: readonly number[] };

/**
 * The algorithm `sliding`: at most `limit` in any half-open span of `windowSeconds`, by an exact log. A unit taken at
 * `t` counts until `t + windowSeconds`, at which instant it no longer does.
 */
export const slidingLimit: RateLimitAlgorithm<SlidingRule, SlidingState, PackedSliding> = {
  ...PLAIN,
  summary: "in any span of that length, by an exact log",
  stamps: ({ limit }) => limit,
  most: ({ limit }) => limit,

  take(rule: SlidingRule, state: SlidingState | null, amount: number, now: EpochMs): SlidingState | EpochMs {
    const stamps = state?.stamps ?? [];
    const gone = countGone(rule, stamps, now);
    const excess = stamps.length - gone + amount - rule.limit;
    // As many as are too many have to go first, the oldest of them first.
    if (excess > 0) return endOf(rule, stamps[gone + excess - 1]!);
    // In order even if the clock has stepped back: what is the newest stays the last to leave.
    const stamp = epochMs(Math.max(now, stamps.at(-1) ?? now));
    return { algorithm: "sliding", stamps: [...stamps.slice(gone), ...Array<EpochMs>(amount).fill(stamp)] };
  },

  read(rule: SlidingRule, state: SlidingState | null, now: EpochMs) {
    const stamps = state?.stamps ?? [];
    const gone = countGone(rule, stamps, now);
    const oldest = stamps[gone];
    return {
      remaining: Math.max(0, rule.limit - (stamps.length - gone)),
      // The instant at which the next unit comes back.
      resetsAt: oldest === undefined ? null : endOf(rule, oldest),
    };
  },

  pack({ stamps }): PackedSliding {
    let before = 0;
    const distances = stamps.map((stamp) => {
      const distance = stamp - before;
      before = stamp;
      return distance;
    });
    return { algorithm: "sliding", distances };
  },

  unpack({ distances }): SlidingState {
    let before = 0;
    return { algorithm: "sliding", stamps: distances.map((distance) => epochMs((before += distance))) };
  },
};

/** How many of the stamps no longer count. They are in order, so those are the first ones. */
function countGone(rule: SlidingRule, stamps: readonly EpochMs[], now: EpochMs): number {
  let low = 0;
  let high = stamps.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (endOf(rule, stamps[middle]!) <= now) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The first instant at which a unit taken at `stamp` no longer counts. */
const endOf = (rule: SlidingRule, stamp: EpochMs): EpochMs => after(stamp, rule.windowSeconds * 1000);

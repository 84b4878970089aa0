import { SELF_LIMIT } from "./policy.ts";
import type { RateLimitState } from "./rate-limit-algorithms.ts";
import { takeFromRateLimit } from "./rate-limit.ts";
import type { Refusal } from "./refusal.ts";
import type { EpochMs } from "./time.ts";

/**
 * How often a key was asked about itself lately. In memory only, as nothing that it is promised depends on it: whoever
 * keeps it may lose it, and then the counting begins anew.
 */
export class Asks {
  #taken: RateLimitState = null;

  /** Takes one; what refuses it, if it is one too many. */
  take(now: EpochMs): Refusal | null {
    const pace = takeFromRateLimit(SELF_LIMIT, this.#taken, 1, now);
    if (pace.ok) this.#taken = pace.next;
    return pace.ok || pace.never ? null : { reason: "rate-limited", limit: SELF_LIMIT.name, retryAt: pace.retryAt };
  }
}

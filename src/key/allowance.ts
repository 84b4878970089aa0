import type { Key } from "./key.ts";
import { readQuota, type QuotaReading } from "./quota.ts";
import { readRateLimit, type RateLimitReading } from "./rate-limit.ts";
import type { EpochMs } from "./time.ts";

/** What is left of the quota and of each rate limit. */
export type Allowance = { readonly quota: QuotaReading | null; readonly rateLimits: readonly RateLimitReading[] };

/** What is left at an instant. */
export function allowanceOf({ profile, use }: Pick<Key, "profile" | "use">, now: EpochMs): Allowance {
  return {
    quota: profile.quota === null ? null : readQuota(profile.quota, use.quota, now),
    rateLimits: profile.rateLimits.map((rule, at) => readRateLimit(rule, use.rateLimits[at] ?? null, now)),
  };
}

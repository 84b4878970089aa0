import type { Allowance } from "../key/allowance.ts";
import { QUOTA_NAME } from "../key/policy.ts";
import { secondsUntil, type EpochMs } from "../key/time.ts";

/** One limit as the headers tell it: the quota and every rate limit look alike to a client. */
type Limit = {
  readonly name: string;
  readonly limit: number;
  readonly windowSeconds: number | null;
  readonly remaining: number;
  readonly resetsAt: EpochMs | null;
};

/**
 * Tells a client what is left: `RateLimit-Policy` and `RateLimit` for every limit
 * (draft-ietf-httpapi-ratelimit-headers-11), and `X-RateLimit-*`, which clients still parse, for the tightest.
 *
 * Times are whole seconds after `at`, the instant of the decision, rounded up: an obedient client is never early. A
 * balance that never refills has neither window nor reset.
 */
export function setLimitHeaders(headers: Headers, allowance: Allowance, at: EpochMs): void {
  const limits = limitsOf(allowance);
  if (limits.length === 0) return;
  headers.set("ratelimit-policy", limits.map(policyOf).join(", "));
  headers.set("ratelimit", limits.map((limit) => stateOf(limit, at)).join(", "));

  const { limit, remaining, resetsAt } = limits.reduce(tighter);
  headers.set("x-ratelimit-limit", String(limit));
  headers.set("x-ratelimit-remaining", String(remaining));
  if (resetsAt === null) headers.delete("x-ratelimit-reset");
  else headers.set("x-ratelimit-reset", String(Math.ceil(resetsAt / 1000)));
}

function limitsOf({ quota, rateLimits }: Allowance): readonly Limit[] {
  const limits: Limit[] = rateLimits.map(({ rule, remaining, resetsAt }) => ({
    name: rule.name,
    limit: rule.limit,
    windowSeconds: rule.windowSeconds,
    remaining,
    resetsAt,
  }));
  if (quota !== null) {
    const { rule, remaining, startsAt, resetsAt } = quota;
    const windowSeconds = startsAt === null || resetsAt === null ? null : (resetsAt - startsAt) / 1000;
    limits.push({ name: QUOTA_NAME, limit: rule.limit, windowSeconds, remaining, resetsAt });
  }
  return limits;
}

const policyOf = ({ name, limit, windowSeconds }: Limit): string =>
  `"${name}";q=${limit}${windowSeconds === null ? "" : `;w=${windowSeconds}`}`;

const stateOf = ({ name, remaining, resetsAt }: Limit, at: EpochMs): string =>
  `"${name}";r=${remaining}${resetsAt === null ? "" : `;t=${secondsUntil(resetsAt, at)}`}`;

/** The limit that stops a client first; of two that are equally used up, the one that recovers later (or never). */
function tighter(a: Limit, b: Limit): Limit {
  if (a.remaining !== b.remaining) return a.remaining < b.remaining ? a : b;
  return (a.resetsAt ?? Infinity) >= (b.resetsAt ?? Infinity) ? a : b;
}

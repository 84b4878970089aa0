import * as z from "zod/mini";
import { parseNetwork } from "../../key/ip.ts";
import { isTimeZone } from "../../key/local-time.ts";
import {
  BOUNDS,
  QUOTA_NAME,
  QUOTA_PERIODS,
  RATE_LIMIT_UNITS,
  REFILLS,
  ROTATION_MODES,
  type QuotaRule,
  type Rate,
  type RateLimitOption,
  type RateLimitRule,
} from "../../key/policy.ts";
import type { RuleFault } from "../../key/rate-limit-algorithm.ts";
import { algorithmOf, ALGORITHMS, type AlgorithmName } from "../../key/rate-limit-algorithms.ts";
import { isGrantableScope } from "../../key/scope.ts";
import { epochMs } from "../../key/time.ts";
import { instant, isObject, label, listOf, noKey, orNull, whole, withDefault } from "./fields.ts";

// What people may ask of a key, as the control API takes it. The rules and their bounds belong to `key/`.

const timezone = z.lazy(() =>
  z.string().check(z.refine(isTimeZone, "must be the IANA name of a time zone, like UTC or Europe/Berlin")),
);

/** A calendar period, or one of even length that counts from an instant, before and after it. */
const period = z.lazy(() =>
  z.union([z.enum(QUOTA_PERIODS), z.strictObject({ everySeconds: whole(1, BOUNDS.everySeconds), anchor: instant })], {
    error: ({ input }) =>
      input === undefined
        ? "is required"
        : `must be one of: ${QUOTA_PERIODS.map((name) => JSON.stringify(name)).join(", ")}, or {everySeconds, anchor}`,
  }),
);

export const quota = z.lazy(() =>
  z
    .strictObject({
      limit: whole(1, BOUNDS.limit),
      period,
      timezone: withDefault(timezone, "UTC"),
      refill: withDefault(z.enum(REFILLS), "reset"),
      cap: orNull(whole(1, BOUNDS.limit)),
    })
    .check(
      z.refine(({ refill, cap }) => (refill === "add") === (typeof cap === "number"), {
        path: ["cap"],
        error: 'is needed with refill "add", and has no meaning without it',
        when: ({ value }) => isObject(value),
      }),
      z.refine(({ cap, limit }) => !(typeof cap === "number" && typeof limit === "number" && cap < limit), {
        path: ["cap"],
        error: "must not be below the limit",
        when: ({ value }) => isObject(value),
      }),
      z.refine(({ refill, period: of }) => !(refill === "add" && of === "none"), {
        path: ["refill"],
        error: 'must be "reset" for a balance: it never refills',
        when: ({ value }) => isObject(value),
      }),
    ),
);

const ALGORITHM_NAMES = Object.keys(ALGORITHMS) as readonly AlgorithmName[];
const OPTIONS = ["burst"] as const satisfies readonly RateLimitOption[];

/** A rate limit as it is asked for, whose fields may be faulty yet. */
type WantedRateLimit = Rate & { readonly algorithm: AlgorithmName } & {
  readonly [Option in RateLimitOption]?: number | undefined;
};

/** The limit as its algorithm knows it; `null` if it names none that there is. Other fields may be faulty all the same. */
const namedRule = (limit: Partial<WantedRateLimit> | undefined): RateLimitRule | null =>
  limit?.algorithm !== undefined && Object.hasOwn(ALGORITHMS, limit.algorithm) ? (limit as RateLimitRule) : null;

const hasMeaning = (limit: WantedRateLimit, option: RateLimitOption): boolean => {
  const rule = namedRule(limit);
  return limit[option] === undefined || (rule !== null && algorithmOf(rule).options.includes(option));
};

/** What is wrong with a rate limit beyond its single fields. */
function faultOf(limit: WantedRateLimit): RuleFault | null {
  const rule = namedRule(limit);
  return rule && algorithmOf(rule).fault(rule);
}

const algorithmsWith = (option: RateLimitOption): string =>
  ALGORITHM_NAMES.filter((algorithm) => algorithmOf({ algorithm }).options.includes(option))
    .map((name) => JSON.stringify(name))
    .join(" or ");

/** One shape for all algorithms, so that a caller is told all faults at once whichever it is. */
export const rateLimit = z.lazy(() =>
  z
    .strictObject({
      name: label.check(z.refine((name) => name !== QUOTA_NAME, `must not be "${QUOTA_NAME}"`)),
      algorithm: z.enum(ALGORITHM_NAMES),
      limit: whole(1, BOUNDS.limit),
      windowSeconds: whole(1, BOUNDS.windowSeconds),
      unit: withDefault(z.enum(RATE_LIMIT_UNITS), "request"),
      /** Of a bucket: how many at once. The limit, if nothing is said. */
      burst: z.optional(whole(1, BOUNDS.limit)),
    })
    .check(
      ...OPTIONS.map((option) =>
        z.refine<WantedRateLimit>((limit) => hasMeaning(limit, option), {
          path: [option],
          error: `has no meaning without the algorithm ${algorithmsWith(option)}`,
          when: ({ value }) => isObject(value),
        }),
      ),
      ...OPTIONS.map((option) =>
        z.refine<WantedRateLimit>((limit) => faultOf(limit)?.option !== option, {
          path: [option],
          error: ({ input }) => faultOf(input as WantedRateLimit)!.message,
          when: ({ value }) => isObject(value),
        }),
      ),
    ),
);

export const rateLimits = z.lazy(() =>
  listOf(rateLimit, BOUNDS.rateLimits)
    .check(
      z.refine((limits) => new Set(namesOf(limits)).size === namesOf(limits).length, {
        error: "must have names that differ",
        when: ({ value }) => Array.isArray(value),
      }),
    )
    .check(
      z.refine((limits) => stampsOf(limits) <= BOUNDS.slidingStamps, {
        error: `must have sliding limits of at most ${BOUNDS.slidingStamps} in sum`,
        when: ({ value }) => Array.isArray(value),
      }),
    ),
);

/** Runs on limits that may be faulty themselves, so that a double name is reported along with everything else. */
const namesOf = (limits: readonly { readonly name?: unknown }[]): readonly unknown[] =>
  limits.map((limit) => limit?.name).filter((name) => typeof name === "string");

const stampsOf = (limits: readonly Partial<WantedRateLimit>[]): number =>
  limits.map(namedRule).reduce((sum, rule) => sum + (rule === null ? 0 : algorithmOf(rule).stamps(rule) || 0), 0);

export const rotation = z.lazy(() =>
  z
    .strictObject({
      afterUses: orNull(whole(1, BOUNDS.limit)),
      afterSeconds: orNull(whole(1, BOUNDS.lifetimeSeconds)),
      mode: withDefault(z.enum(ROTATION_MODES), "require"),
      graceSeconds: withDefault(whole(0, BOUNDS.graceSeconds), 0),
    })
    .check(
      z.refine(({ afterUses, afterSeconds }) => (afterUses ?? null) !== null || (afterSeconds ?? null) !== null, {
        path: ["afterUses"],
        error: "is needed, or afterSeconds",
        when: ({ value }) => isObject(value),
      }),
      z.refine(({ mode, graceSeconds }) => !(mode === "issue" && !(graceSeconds >= BOUNDS.issueGraceSeconds)), {
        path: ["graceSeconds"],
        error: `must be at least ${BOUNDS.issueGraceSeconds} with mode "issue": a lost answer must be repairable`,
        when: ({ value }) => isObject(value),
      }),
    ),
);

export const maxConcurrent = whole(1, BOUNDS.maxConcurrent);

/** A quota as the core keeps it: instants are numbers there. */
export const quotaRuleOf = (wanted: z.output<typeof quota> | null): QuotaRule | null =>
  wanted === null
    ? null
    : {
        ...wanted,
        period:
          typeof wanted.period === "string"
            ? wanted.period
            : { ...wanted.period, anchor: epochMs(Date.parse(wanted.period.anchor)) },
      };

/** Rate limits as the core keeps them: every option of the algorithm is said, and no other. */
export const rateLimitRulesOf = (wanted: z.output<typeof rateLimits>): readonly RateLimitRule[] =>
  wanted.map((rule) => algorithmOf(rule).complete(rule as RateLimitRule));

export const scopes = z.lazy(() =>
  listOf(
    z
      .string()
      .check(
        z.refine(isGrantableScope, "must be segments of A-Z a-z 0-9 . _ - or *, joined by :, at most 128 characters"),
        noKey,
      ),
    BOUNDS.scopes,
  ),
);

export const allowedIps = z.lazy(() =>
  listOf(
    z
      .string()
      .check(z.refine((entry) => parseNetwork(entry) !== null, "must be an address or a network, like 203.0.113.0/24")),
    BOUNDS.allowedIps,
  ).check(
    z.refine((entries) => entries.length > 0, {
      // Nowhere is not what an empty list usually means; whoever wants it suspends the key.
      error: "must not be empty: null allows every address",
      when: ({ value }) => Array.isArray(value),
    }),
  ),
);

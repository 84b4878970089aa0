import * as z from "zod/mini";
import { BOUNDS, ENVIRONMENTS, QUOTA_PERIODS, type Boundary } from "../../key/policy.ts";
import { listOf, orNull, whole, withDefault } from "./fields.ts";
import { maxConcurrent, rateLimitRulesOf, rateLimits, scopes } from "./policy.ts";

/** How far a control key reaches with the keys that it makes, as the control API takes it. */
export const boundary = z.lazy(() =>
  z.strictObject({
    grantable: scopes,
    environments: orNull(
      listOf(z.enum(ENVIRONMENTS), ENVIRONMENTS.length).check(
        z.refine((names) => names.length > 0, {
          error: "must not be empty: null allows every environment",
          when: ({ value }) => Array.isArray(value),
        }),
      ),
    ),
    quota: orNull(z.strictObject({ limit: whole(1, BOUNDS.limit), period: z.enum(QUOTA_PERIODS) })),
    rateLimits: withDefault(rateLimits, []),
    maxConcurrent: orNull(maxConcurrent),
    lifetimeSeconds: orNull(whole(1, BOUNDS.lifetimeSeconds)),
  }),
);

/** The same as a record tells it. */
export const boundaryReading = z.lazy(() =>
  z.strictObject({
    grantable: z.array(z.string()),
    environments: z.nullable(z.array(z.enum(ENVIRONMENTS))),
    quota: z.nullable(z.strictObject({ limit: z.int(), period: z.enum(QUOTA_PERIODS) })),
    rateLimits: z.array(
      z.strictObject({
        name: z.string(),
        algorithm: z.string(),
        limit: z.int(),
        windowSeconds: z.int(),
        unit: z.string(),
        /** Of a bucket. */
        burst: z.optional(z.int()),
      }),
    ),
    maxConcurrent: z.nullable(z.int()),
    lifetimeSeconds: z.nullable(z.int()),
  }),
);

/** A boundary as the core keeps it. */
export const boundaryOf = (wanted: z.output<typeof boundary> | null): Boundary | null =>
  wanted && { ...wanted, rateLimits: rateLimitRulesOf(wanted.rateLimits) };

import * as z from "zod/mini";
import { parseNetwork } from "../../key/ip.ts";
import { BOUNDS, QUOTA_NAME, QUOTA_PERIODS, RATE_LIMIT_ALGORITHMS, RATE_LIMIT_UNITS } from "../../key/policy.ts";
import { isGrantableScope } from "../../key/scope.ts";
import { label, listOf, whole, withDefault } from "./fields.ts";

// What people may ask of a key, as the control API takes it. The rules and their bounds belong to `key/`.

export const quota = z.strictObject({
  limit: whole(1, BOUNDS.limit),
  period: z.enum(QUOTA_PERIODS),
  timezone: withDefault(z.literal("UTC"), "UTC"),
});

export const rateLimit = z.strictObject({
  name: label.check(z.refine((name) => name !== QUOTA_NAME, `must not be "${QUOTA_NAME}"`)),
  algorithm: z.enum(RATE_LIMIT_ALGORITHMS),
  limit: whole(1, BOUNDS.limit),
  windowSeconds: whole(1, BOUNDS.windowSeconds),
  unit: withDefault(z.enum(RATE_LIMIT_UNITS), "request"),
});

export const rateLimits = listOf(rateLimit, BOUNDS.rateLimits).check(
  z.refine((limits) => new Set(namesOf(limits)).size === namesOf(limits).length, {
    error: "must have names that differ",
    when: ({ value }) => Array.isArray(value),
  }),
);

/** Runs on limits that may be faulty themselves, so that a double name is reported along with everything else. */
const namesOf = (limits: readonly { readonly name?: unknown }[]): readonly unknown[] =>
  limits.map((limit) => limit?.name).filter((name) => typeof name === "string");

export const scopes = listOf(
  z
    .string()
    .check(
      z.refine(isGrantableScope, "must be segments of A-Z a-z 0-9 . _ - or *, joined by :, at most 128 characters"),
    ),
  BOUNDS.scopes,
);

export const allowedIps = listOf(
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
);

import * as z from "zod/mini";
import { CODE_OF_REASON } from "../../http/codes.ts";
import { parseAddress } from "../../key/ip.ts";
import { BOUNDS, type Metadata } from "../../key/policy.ts";
import { isRequirableScope } from "../../key/scope.ts";
import { isObject, keyId, listOf, opaque, orNull, timestamp, whole, withDefault } from "./fields.ts";
import { quotaReading, rateLimitReading } from "./record.ts";

const requiredScopes = z.lazy(() =>
  withDefault(
    listOf(
      z
        .string()
        .check(
          z.refine(isRequirableScope, "must be segments of A-Z a-z 0-9 . _ -, joined by :, at most 128 characters"),
        ),
      BOUNDS.scopes,
    ),
    [],
  ),
);

const questionFields = () =>
  z.strictObject({
    /** Any text: whether it is a key is the question. */
    key: z.string(),
    /** Units; 1, if nothing is said. */
    cost: z.optional(whole(0, BOUNDS.limit)),
    /** Units to hold for work whose cost is known only afterwards, instead of a cost. */
    reserve: z.optional(whole(0, BOUNDS.limit)),
    /** All of them are needed. */
    scopes: requiredScopes,
    /** One of them is needed. */
    anyScope: requiredScopes,
    ip: orNull(z.string().check(z.refine((ip) => parseAddress(ip) !== null, "must be one IPv4 or IPv6 address"))),
    /** What the asker is about to do for the key's holder. */
    request: z.optional(
      z.strictObject({
        method: z.string().check(z.regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,32}$/, "must be an HTTP method")),
        path: z
          .string()
          .check(z.regex(/^\/[^\s\p{Cc}]{0,8191}$/u, "must begin with / and have at most 8192 characters")),
      }),
    ),
    dryRun: withDefault(z.boolean(), false),
    /** For the admin only: which rule decided, and what each counter held before. */
    explain: withDefault(z.boolean(), false),
  });

export const verifyQuestion = z.lazy(() =>
  questionFields().check(
    z.refine(({ cost, reserve }) => cost === undefined || reserve === undefined, {
      path: ["reserve"],
      error: "replaces cost: give one of them",
      when: ({ value }) => isObject(value),
    }),
  ),
);

const explanation = z.lazy(() =>
  z.strictObject({
    /** The first check that refuses; `null` when the request was admitted. */
    decidedBy: z.nullable(z.string()),
    /** Every rule by itself, in the order of the decision; `code` is `null` where it has nothing against the request. */
    checks: z.array(z.strictObject({ check: z.string(), code: z.nullable(z.string()), limit: z.optional(z.string()) })),
    before: z.strictObject({ quota: z.nullable(quotaReading), rateLimits: z.array(rateLimitReading) }),
  }),
);

/** Who holds the key is told only when a secret of it was presented; for a retired one id, owner and version only. */
export const verifyAnswer = z.lazy(() =>
  z.strictObject({
    valid: z.boolean(),
    /** `unavailable`: in a batch, where the key's object did not answer in time. */
    code: z.enum(["valid", "unavailable", ...new Set(Object.values(CODE_OF_REASON))]),
    requestId: z.string(),
    /** `<boot>.<n>`, strictly increasing for one key; `null` when the key is not valid for reasons strangers must not know. */
    decision: z.nullable(z.string()),
    keyId: z.optional(keyId),
    owner: z.optional(z.nullable(z.string())),
    name: z.optional(z.string()),
    version: z.optional(z.int()),
    scopes: z.optional(z.array(z.string())),
    metadata: z.optional(opaque<Metadata>()),
    expiresAt: z.optional(z.nullable(timestamp)),
    quota: z.optional(z.nullable(quotaReading)),
    rateLimits: z.optional(z.array(rateLimitReading)),
    /** To be settled with what was really used. */
    reservation: z.optional(z.strictObject({ id: z.string(), expiresAt: timestamp })),
    /** The successor of the presented key, handed to this request alone. */
    newKey: z.optional(z.string()),
    retryAfterSeconds: z.optional(z.int()),
    explanation: z.optional(explanation),
  }),
);

export type VerifyQuestion = z.output<typeof verifyQuestion>;
export type VerifyAnswer = z.output<typeof verifyAnswer>;

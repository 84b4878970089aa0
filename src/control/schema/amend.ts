import * as z from "zod/mini";
import { boundary } from "./boundary.ts";
import { instant, metadata, name } from "./fields.ts";
import { allowedIps, maxConcurrent, quota, rateLimits, rotation, scopes } from "./policy.ts";
import { suspicion } from "./suspicion.ts";

/** Each named field is replaced whole; `null` clears one that a record may hold as `null`. */
export const amendBody = z.lazy(() =>
  z.strictObject({
    name: z.optional(name),
    scopes: z.optional(scopes),
    allowedIps: z.optional(z.nullable(allowedIps)),
    quota: z.optional(z.nullable(quota)),
    rateLimits: z.optional(rateLimits),
    rotation: z.optional(z.nullable(rotation)),
    maxConcurrent: z.optional(z.nullable(maxConcurrent)),
    selfRotate: z.optional(z.boolean()),
    suspicion: z.optional(z.nullable(suspicion)),
    /** An instant that is past ends the key at once; a later one revives a key that has expired. */
    expiresAt: z.optional(z.nullable(instant)),
    metadata: z.optional(metadata),
    boundary: z.optional(z.nullable(boundary)),
  }),
);

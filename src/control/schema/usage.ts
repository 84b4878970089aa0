import * as z from "zod/mini";
import type { Code } from "../../http/codes.ts";
import { instant, opaque, timestamp, withDefault } from "./fields.ts";

/** Which hours or days. */
export const usageQuery = () => ({
  /** Inclusive; what begins before it is left out. */
  from: z.optional(instant),
  /** Exclusive. */
  to: z.optional(instant),
  by: withDefault(z.enum(["hour", "day"]), "hour"),
});

/** What was used in one hour or day of UTC. */
export const usage = z.lazy(() =>
  z.strictObject({
    start: timestamp,
    admitted: z.int(),
    units: z.int(),
    refused: opaque<Readonly<Partial<Record<Code, number>>>>(),
    routes: opaque<Readonly<Record<string, number>>>(),
    lastUsedAt: z.nullable(timestamp),
  }),
);

export type UsageJson = z.output<typeof usage>;

/** From where a key was used. */
export const client = z.lazy(() =>
  z.strictObject({
    ip: z.string(),
    country: z.nullable(z.string()),
    firstSeenAt: timestamp,
    lastSeenAt: timestamp,
    count: z.int(),
  }),
);

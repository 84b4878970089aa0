import * as z from "zod/mini";
import type { Status } from "../../key/key.ts";
import {
  ENVIRONMENTS,
  KINDS,
  QUOTA_PERIODS,
  REFILLS,
  RESERVATION_TIMEOUTS,
  ROTATION_MODES,
  type Metadata,
} from "../../key/policy.ts";
import { boundaryReading } from "./boundary.ts";
import { keyId, opaque, timestamp } from "./fields.ts";
import { suspicionRules } from "./suspicion.ts";

// What the control API says of a key. `record-json.ts` makes it, and does not compile when it disagrees.

export const KEY_STATUSES = ["active", "suspended", "revoked", "expired"] as const satisfies readonly Status[];

/** A time that may never come. */
const never = z.nullable(timestamp);

const quotaRule = () => ({
  limit: z.int(),
  period: z.union([z.enum(QUOTA_PERIODS), z.strictObject({ everySeconds: z.int(), anchor: timestamp })]),
  timezone: z.string(),
  refill: z.enum(REFILLS),
  cap: z.nullable(z.int()),
});

export const quotaReading = z.lazy(() =>
  z.strictObject({
    ...quotaRule(),
    used: z.int(),
    remaining: z.int(),
    /** `null` for a balance that never refills. */
    resetsAt: never,
  }),
);

const rateLimitRule = () => ({
  name: z.string(),
  algorithm: z.string(),
  limit: z.int(),
  windowSeconds: z.int(),
  unit: z.string(),
  /** Of a bucket. */
  burst: z.optional(z.int()),
});

export const rateLimitReading = z.lazy(() =>
  z.strictObject({
    ...rateLimitRule(),
    remaining: z.int(),
    /** `null` while no window is open. */
    resetsAt: never,
  }),
);

const lasting = () => ({
  id: keyId,
  name: z.string(),
  owner: z.nullable(z.string()),
  kind: z.enum(KINDS),
  environment: z.enum(ENVIRONMENTS),
  prefix: z.string(),
  pepper: z.string(),
  hint: z.string(),
  version: z.int(),
  revision: z.int(),
  status: z.enum(KEY_STATUSES),
  ownerSuspended: z.boolean(),
  createdAt: timestamp,
  rotatedAt: never,
  revokedAt: never,
  expiresAt: never,
  scopes: z.array(z.string()),
  allowedIps: z.nullable(z.array(z.string())),
  lifetimeSeconds: z.nullable(z.int()),
  maxLifetimeSeconds: z.nullable(z.int()),
  idleSeconds: z.nullable(z.int()),
  rotation: z.nullable(
    z.strictObject({
      afterUses: z.nullable(z.int()),
      afterSeconds: z.nullable(z.int()),
      mode: z.enum(ROTATION_MODES),
      graceSeconds: z.int(),
      dueAt: never,
    }),
  ),
  maxConcurrent: z.nullable(z.int()),
  reserveSeconds: z.int(),
  onReservationTimeout: z.enum(RESERVATION_TIMEOUTS),
  selfRotate: z.boolean(),
  suspicion: z.nullable(suspicionRules),
  metadata: opaque<Metadata>(),
  boundary: z.nullable(boundaryReading),
});

/** A key as its object knows it at this instant. */
export const keyRecord = z.lazy(() =>
  z.strictObject({
    ...lasting(),
    lastUsedAt: never,
    quota: z.nullable(quotaReading),
    rateLimits: z.array(rateLimitReading),
  }),
);

/** A key as the ledger lists it: without what changes with every use. */
export const listedKey = z.lazy(() =>
  z.strictObject({
    ...lasting(),
    quota: z.nullable(z.strictObject(quotaRule())),
    rateLimits: z.array(z.strictObject(rateLimitRule())),
  }),
);

export type KeyRecordJson = z.output<typeof keyRecord>;
export type ListedKeyJson = z.output<typeof listedKey>;

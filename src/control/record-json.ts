import type { ListedKey } from "../ledger/keys.ts";
import type { QuotaReading } from "../key/quota.ts";
import type { RateLimitReading } from "../key/rate-limit.ts";
import type { Boundary, QuotaRule } from "../key/policy.ts";
import type { KeyRecord } from "../key/record.ts";
import { rfc3339, type EpochMs } from "../key/time.ts";
import type { KeyRecordJson, ListedKeyJson } from "./schema/record.ts";

/** An instant on the wire; what never happened, or never will, is `null`. */
export const timeJson = (at: EpochMs | null): string | null => (at === null ? null : rfc3339(at));

/** A key as its object knows it, on the wire. Field by field: what the core learns tomorrow is not told by accident. */
export const recordJson = (record: KeyRecord): KeyRecordJson => ({
  ...lastingJson(record),
  lastUsedAt: timeJson(record.lastUsedAt),
  quota: record.allowance.quota === null ? null : quotaJson(record.allowance.quota),
  rateLimits: record.allowance.rateLimits.map(rateLimitJson),
});

/** A key as the ledger lists it, on the wire. */
export const listedKeyJson = (key: ListedKey): ListedKeyJson => ({
  ...lastingJson(key),
  quota: key.quota === null ? null : quotaRuleJson(key.quota),
  rateLimits: [...key.rateLimits],
});

export const quotaJson = ({ rule, used, remaining, resetsAt }: QuotaReading) => ({
  ...quotaRuleJson(rule),
  used,
  remaining,
  resetsAt: timeJson(resetsAt),
});

const quotaRuleJson = (rule: QuotaRule) => ({
  ...rule,
  period: typeof rule.period === "string" ? rule.period : { ...rule.period, anchor: rfc3339(rule.period.anchor) },
});

export const rateLimitJson = ({ rule, remaining, resetsAt }: RateLimitReading) => ({
  ...rule,
  remaining,
  resetsAt: timeJson(resetsAt),
});

const lastingJson = (key: ListedKey) => ({
  id: key.id,
  name: key.name,
  owner: key.owner,
  kind: key.kind,
  environment: key.environment,
  prefix: key.prefix,
  pepper: key.pepper,
  hint: key.hint,
  version: key.version,
  revision: key.revision,
  status: key.status,
  ownerSuspended: key.ownerSuspended,
  lifetimeSeconds: key.lifetimeSeconds,
  maxLifetimeSeconds: key.maxLifetimeSeconds,
  idleSeconds: key.idleSeconds,
  rotation: key.rotation === null ? null : { ...key.rotation, dueAt: timeJson(key.rotationDueAt) },
  maxConcurrent: key.maxConcurrent,
  reserveSeconds: key.reserveSeconds,
  onReservationTimeout: key.onReservationTimeout,
  createdAt: rfc3339(key.createdAt),
  rotatedAt: timeJson(key.rotatedAt),
  revokedAt: timeJson(key.revokedAt),
  expiresAt: timeJson(key.expiresAt),
  scopes: [...key.scopes],
  allowedIps: key.allowedIps === null ? null : [...key.allowedIps],
  selfRotate: key.selfRotate,
  suspicion: key.suspicion,
  metadata: key.metadata,
  boundary: boundaryJson(key.boundary),
});

const boundaryJson = (boundary: Boundary | null) =>
  boundary && {
    ...boundary,
    grantable: [...boundary.grantable],
    environments: boundary.environments && [...boundary.environments],
    rateLimits: boundary.rateLimits.map((rule) => ({ ...rule })),
  };

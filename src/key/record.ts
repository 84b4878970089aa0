import { allowanceOf, type Allowance } from "./allowance.ts";
import { isOwnerSuspended, statusOf, type Key, type Profile, type Status } from "./key.ts";
import { isBeyondLifetime } from "./lifetime.ts";
import { dueAt } from "./rotation-policy.ts";
import type { EpochMs } from "./time.ts";

/** A key as people see it: everything but its secrets. `digest`s never leave the key's object. */
export type KeyRecord = Profile & {
  readonly pepper: string;
  readonly hint: string;
  readonly version: number;
  readonly revision: number;
  readonly status: Status;
  readonly ownerSuspended: boolean;
  readonly rotatedAt: EpochMs | null;
  readonly suspendedAt: EpochMs | null;
  readonly revokedAt: EpochMs | null;
  readonly lastUsedAt: EpochMs | null;
  readonly expiresAt: EpochMs | null;
  /** Whether somebody has set the end later than the key's lifetime allows. */
  readonly beyondLifetime: boolean;
  /** When the current secret is due to be replaced by its age; `null` without such a rule. */
  readonly rotationDueAt: EpochMs | null;
  readonly allowance: Allowance;
};

/** The record of a key at an instant. */
export function recordOf(key: Key, now: EpochMs): KeyRecord {
  const { standing } = key;
  return {
    ...key.profile,
    pepper: standing.secret.pepper,
    hint: standing.secret.hint,
    version: standing.version,
    revision: standing.revision,
    status: statusOf(key, now),
    ownerSuspended: isOwnerSuspended(standing),
    rotatedAt: standing.rotatedAt,
    suspendedAt: standing.suspendedAt,
    revokedAt: standing.revokedAt,
    lastUsedAt: key.use.lastUsedAt,
    expiresAt: standing.expiresAt,
    beyondLifetime: isBeyondLifetime(key),
    rotationDueAt: dueAt(key),
    allowance: allowanceOf(key, now),
  };
}

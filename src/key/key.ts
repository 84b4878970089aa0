import type { Stopper } from "./authority.ts";
import type { KeyId } from "./credential.ts";
import type { Digest } from "./digest.ts";
import type { KeyEvent } from "./event.ts";
import type { OwnerOrder } from "./owner-order.ts";
import { endOf } from "./lifetime.ts";
import type {
  Boundary,
  Environment,
  Kind,
  Metadata,
  QuotaRule,
  RateLimitRule,
  ReservationTimeout,
  RotationRule,
} from "./policy.ts";
import { freshQuota, type QuotaState } from "./quota.ts";
import type { RateLimitState } from "./rate-limit-algorithms.ts";
import type { Receipts } from "./receipt.ts";
import type { Refusal } from "./refusal.ts";
import type { Reservations } from "./reservation.ts";
import type { Stamps } from "./stamps.ts";
import type { Alert, Suspicion } from "./suspicion-policy.ts";
import type { EpochMs } from "./time.ts";
import type { HourUse } from "./usage.ts";

/**
 * Everything that decides whether one API key may be used. Replaced whole, never edited in place.
 *
 * The parts change at different times and for different reasons and are stored apart: an ordinary admission replaces
 * `use` and nothing else.
 */
export type Key = {
  readonly profile: Profile;
  readonly standing: Standing;
  readonly use: Use;
  /** Of calls that can be repeated; changed by the changes that issue a secret, and once by its first use. */
  readonly receipts: Receipts;
  /** Units held for work whose cost is not known yet, and the last ones that were settled. */
  readonly reservations: Reservations;
};

/** What people have set. Replaced by an amendment. */
export type Profile = {
  readonly id: KeyId;
  readonly name: string;
  /** Immutable. `null`: the key belongs to nobody in particular. */
  readonly owner: string | null;
  readonly kind: Kind;
  /** Immutable. What the key is for, so that a test key is told from a live one at sight. */
  readonly environment: Environment;
  /** What stands before the body of the next credential. */
  readonly prefix: string;
  readonly createdAt: EpochMs;
  readonly scopes: readonly string[];
  /** Addresses and networks from which the key may be used; `null` means from anywhere. */
  readonly allowedIps: readonly string[] | null;
  readonly quota: QuotaRule | null;
  readonly rateLimits: readonly RateLimitRule[];
  /** How long the key lives from its creation, or a session from its last slide, in seconds; `null`: no such rule. */
  readonly lifetimeSeconds: number | null;
  /** How long a session may live in all, however much it is used, in seconds; `null`: as long as it is used. */
  readonly maxLifetimeSeconds: number | null;
  /** The key ends when it was not used for so many seconds; `null`: it may rest. */
  readonly idleSeconds: number | null;
  readonly rotation: RotationRule | null;
  /** How many exchanges through the gateway may be open at once; `null`: any number. */
  readonly maxConcurrent: number | null;
  /** How long a reservation stays open, in seconds, and what becomes of it then. */
  readonly reserveSeconds: number;
  readonly onReservationTimeout: ReservationTimeout;
  /** Whether the key may rotate itself. */
  readonly selfRotate: boolean;
  /** What about the use of the key is suspicious; `null`: what usually is. */
  readonly suspicion: Suspicion | null;
  readonly metadata: Metadata;
  /** Of a control key: how far it reaches with the keys of others. `null`: as far as its `rekey:` scopes. */
  readonly boundary: Boundary | null;
};

/** Which secret holds, and whether it may be used at all. Replaced by every change; no admission touches it. */
export type Standing = {
  /** How many secrets this key has had. Grows by one at each rotation and is never reused. */
  readonly version: number;
  /** The sequence of the key's last change. Two readings with the same revision are the same record. */
  readonly revision: number;
  /** The sequence of the key's last event. */
  readonly sequence: number;
  readonly secret: Secret;
  /** Earlier secrets, newest first, bounded. Presenting one is refused as such, unless its grace still runs. */
  readonly retired: readonly RetiredSecret[];
  readonly rotatedAt: EpochMs | null;
  /** The newest rotations, bounded. */
  readonly recentRotations: Stamps;
  /** When each kind of alert was last raised. */
  readonly alerted: { readonly [Name in Alert]?: EpochMs };
  readonly suspendedAt: EpochMs | null;
  /** On whose authority; an operator's, as soon as one has said so too. `null` for a key that is not suspended. */
  readonly suspendedBy: Stopper | null;
  readonly revokedAt: EpochMs | null;
  /** A token's is fixed: no use extends it. A session's slides with use. `null` means no end. */
  readonly expiresAt: EpochMs | null;
  /** When somebody last set the end by hand; `null`: it is the one the key was created with, or has slid to. */
  readonly endSetAt: EpochMs | null;
  /** The end that an operator gave the key: no control key moves it later. `null`: none did. */
  readonly operatorsEnd: EpochMs | null;
  /** The newest order of the key's owner that reached it; `null` for a key whose owner never gave one. */
  readonly ownerOrder: OwnerOrder | null;
};

/** A secret as it is kept: its digest, and what people need to tell it from others. Never its text. */
export type Secret = { readonly digest: Digest; readonly hint: string; readonly pepper: string };

/** `validUntil` is the first instant at which the secret is dead: that of its rotation, or the end of its grace. */
export type RetiredSecret = { readonly version: number; readonly digest: Digest; readonly validUntil: EpochMs };

/** What has been used. The one part that an ordinary admission replaces. */
export type Use = {
  /** The newest instant this key has seen; its clock never goes back behind it. */
  readonly newest: EpochMs;
  readonly lastUsedAt: EpochMs | null;
  /** Admissions so far, and the units they were charged. */
  readonly admitted: number;
  readonly units: number;
  /** The part of them that falls into the newest hour in which the key was used; `null` before its first use. */
  readonly hour: HourUse | null;
  /** Admissions with the current secret since it was installed. */
  readonly admittedWithSecret: number;
  /** The newest version of which a secret was ever admitted; 0 before the first admission. */
  readonly newestAdmitted: number;
  readonly quota: QuotaState | null;
  /** Whether it was already told that the current secret will be due soon. */
  readonly rotationAnnounced: boolean;
  /** One for each of the profile's rate limits, in their order. */
  readonly rateLimits: readonly RateLimitState[];
  /** How often the key has rotated itself lately. */
  readonly selfRotations: RateLimitState;
  /** How many changes it has made lately as a control key; absent: none ever. */
  readonly controlChanges?: RateLimitState;
};

/** The key after it was moved on, and what is to be told of it. The same `key` means nothing changed. */
export type Moved = { readonly key: Key; readonly events: readonly KeyEvent[] };

/** What a step did: how it moved the key, and the answer to whoever asked for it. */
export type Step<Answer> = Moved & { readonly answer: Answer };

export type Status = "active" | "suspended" | "revoked" | "expired";

/** Where the key stands at an instant. The order is that of a decision: what is final first, what is derived last. */
export function statusOf(key: Key, now: EpochMs): Status {
  if (key.standing.revokedAt !== null) return "revoked";
  if (key.standing.suspendedAt !== null) return "suspended";
  return hasExpired(key, now) ? "expired" : "active";
}

/** Expiry is derived, never stored: it holds from its instant on, whether or not anybody was there to write it down. */
export function hasExpired(key: Key, now: EpochMs): boolean {
  const end = endOf(key);
  return end !== null && now >= end;
}

/** A flag beside the key's own status: resuming an owner does not revive a key that was suspended by itself. */
export const isOwnerSuspended = ({ ownerOrder }: Standing): boolean => ownerOrder?.standing === "suspended";

/** Why the key may not be used at all just now; `null` when it may. The order is part of the promise. */
export function standingRefusal(key: Key, now: EpochMs): Refusal | null {
  const { standing } = key;
  if (standing.revokedAt !== null) return { reason: "key-revoked" };
  if (standing.suspendedAt !== null) return { reason: "key-suspended" };
  if (isOwnerSuspended(standing)) return { reason: "owner-suspended" };
  return hasExpired(key, now) ? { reason: "key-expired" } : null;
}

/** Counters of a key that has never been used. */
export const unused = (profile: Profile, now: EpochMs): Use => ({
  newest: now,
  lastUsedAt: null,
  admitted: 0,
  units: 0,
  hour: null,
  admittedWithSecret: 0,
  newestAdmitted: 0,
  rotationAnnounced: false,
  quota: profile.quota === null ? null : freshQuota(profile.quota, now),
  rateLimits: profile.rateLimits.map(() => null),
  selfRotations: null,
});

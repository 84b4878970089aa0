import { unchanged, type Circumstance } from "./change.ts";
import type { Fresh, RepeatRefusal } from "./create.ts";
import type { Digest } from "./digest.ts";
import { identify, type Holder, type Identity } from "./identity.ts";
import { install, type Rotated } from "./install.ts";
import { isAllowedIp } from "./ip.ts";
import { hasExpired, isOwnerSuspended, standingRefusal, type Key, type Step } from "./key.ts";
import { SELF_ROTATE_LIMIT } from "./policy.ts";
import { takeFromRateLimit } from "./rate-limit.ts";
import { recall, type Idempotency, type Receipt } from "./receipt.ts";
import type { Refusal } from "./refusal.ts";

export type RotateCommand = {
  /** The version the caller last saw; `null` rotates whatever holds. */
  readonly expectedVersion: number | null;
  /** How long the retired secret stays admissible, in seconds. */
  readonly graceSeconds: number;
  readonly idempotency: Idempotency | null;
};

export type Rotation =
  | Rotated
  | {
      readonly done: false;
      readonly because: "version-conflict" | "key-revoked" | "key-expired" | RepeatRefusal;
      readonly currentVersion: number;
    };

/**
 * Puts a new secret in the place of the old one. There is no moment with two, and none with neither.
 *
 * If someone else rotated since the version the caller names, nothing happens and the caller is told the version that
 * holds: of any number of racing rotations that name the same version exactly one wins. What the key has used so far
 * is kept, so rotating is not a way to refill a quota.
 *
 * A rotation without grace also ends every earlier grace: afterwards exactly one secret is valid.
 */
export function rotate(key: Key, command: RotateCommand, fresh: Fresh, circumstance: Circumstance): Step<Rotation> {
  const { now } = circumstance;
  const { standing } = key;
  const refuse = (because: Extract<Rotation, { done: false }>["because"]): Step<Rotation> =>
    unchanged(key, { done: false, because, currentVersion: standing.version });

  // First of all: a retry must find its own rotation, not a conflict with it.
  const recalled =
    command.idempotency === null ? null : recall(key.receipts, command.idempotency, now, fresh.sealing.peppers);
  if (recalled?.found) {
    return "because" in recalled ? refuse(recalled.because) : unchanged(key, repeated(key, recalled));
  }
  if (standing.revokedAt !== null) return refuse("key-revoked");
  if (hasExpired(key, now)) return refuse("key-expired");
  if (command.expectedVersion !== null && command.expectedVersion !== standing.version) {
    return refuse("version-conflict");
  }
  // A suspended key stays suspended, and a grace that began while it was would outlive the suspension.
  const stopped = standing.suspendedAt !== null || isOwnerSuspended(standing);
  return install(key, stopped ? 0 : command.graceSeconds, command.idempotency, fresh, circumstance);
}

export type SelfRotateCommand = {
  readonly presented: Digest;
  /** The client's address as the edge knows it. */
  readonly ip: string | null;
  readonly idempotency: Idempotency | null;
};

export type SelfRotation =
  | Rotated
  | { readonly done: false; readonly refusal: Refusal | { readonly reason: "self-rotate-off" | RepeatRefusal } };

/**
 * A key rotates itself: compare-and-set on the presented secret. Possible with a spent quota or a rotation that is due.
 *
 * A secret in its grace may do so only while no later one has ever been admitted: that repairs a lost answer, and
 * afterwards it would let a thief of the old secret take the key. A retired secret gets the repeat of the very call
 * that ended it, and nothing else.
 */
export function rotateSelf(
  key: Key,
  command: SelfRotateCommand,
  fresh: Fresh,
  circumstance: Circumstance,
): Step<SelfRotation> {
  const { now } = circumstance;
  const refuse = (refusal: Extract<SelfRotation, { done: false }>["refusal"]): Step<SelfRotation> =>
    unchanged(key, { done: false, refusal });

  const holder = identify(key, command.presented, now);
  const recalled =
    command.idempotency === null ? null : recall(key.receipts, command.idempotency, now, fresh.sealing.peppers);
  if (recalled?.found && "identity" in holder && mayHear(key, recalled.receipt, holder)) {
    return "because" in recalled ? refuse({ reason: recalled.because }) : unchanged(key, repeated(key, recalled));
  }
  if ("refusal" in holder) return refuse(holder.refusal);
  const standing = standingRefusal(key, now);
  if (standing !== null) return refuse(standing);
  if (holder.identity.version < key.use.newestAdmitted) return refuse({ reason: "key-rotated" });
  if (!isAllowedIp(command.ip, key.profile.allowedIps)) return refuse({ reason: "ip-not-allowed" });
  if (!key.profile.selfRotate) return refuse({ reason: "self-rotate-off" });
  const pace = takeFromRateLimit(SELF_ROTATE_LIMIT, key.use.selfRotations, 1, now);
  if (!pace.ok && !pace.never) {
    return refuse({ reason: "rate-limited", limit: SELF_ROTATE_LIMIT.name, retryAt: pace.retryAt });
  }

  const step = install(key, key.profile.rotation?.graceSeconds ?? 0, command.idempotency, fresh, circumstance);
  return { ...step, key: { ...step.key, use: { ...step.key.use, selfRotations: pace.ok ? pace.next : null } } };
}

/**
 * Whether the holder of a secret is told what became of an earlier call: a secret that is still valid always, so that
 * no header is ever carried out twice; a dead one only of the call that issued it or ended it.
 */
function mayHear({ standing }: Key, call: Receipt, holder: Extract<Holder, { identity: Identity }>): boolean {
  if (!("refusal" in holder)) return true;
  const { version } = holder.identity;
  if (version === call.version || version === call.version - 1) return true;
  // It was in its grace until that very call, and may be the one that made it.
  return standing.retired.some((retired) => retired.version === version && retired.validUntil === call.at);
}

/** The answer of the rotation that is repeated: its secret is still the newest, so the one it retired is the first. */
function repeated(key: Key, { credential }: { readonly credential: string }): Rotated {
  const [former] = key.standing.retired;
  const { version, validUntil } = former!;
  return { done: true, credential, retired: { version, validUntil } };
}

import type { By, EventType, KeyEvent } from "./event.ts";
import {
  hasExpired,
  unused,
  type Key,
  type Profile,
  type RetiredSecret,
  type Secret,
  type Standing,
  type Step,
} from "./key.ts";
import { BOUNDS } from "./policy.ts";
import { after, type EpochMs } from "./time.ts";

/** When a change is asked for, by whom, and why. */
export type Circumstance = { readonly now: EpochMs; readonly by: By; readonly reason: string | null };

/** Brings a key into being with its first secret. */
export function create(
  profile: Profile,
  expiresAt: EpochMs | null,
  secret: Secret,
  { now, by }: Circumstance,
): Step<{ readonly created: true }> {
  const key: Key = {
    profile,
    standing: {
      version: 1,
      revision: 1,
      sequence: 1,
      secret,
      retired: [],
      rotatedAt: null,
      suspendedAt: null,
      revokedAt: null,
      expiresAt,
    },
    use: unused(profile, now),
  };
  const event: KeyEvent = { sequence: 1, type: "key.created", at: now, by, detail: { version: 1 } };
  return { key, events: [event], answer: { created: true } };
}

export type RotateCommand = {
  /** The version the caller last saw; `null` rotates whatever holds. */
  readonly expectedVersion: number | null;
  /** How long the retired secret stays admissible, in seconds. */
  readonly graceSeconds: number;
};

export type Rotation =
  | { readonly rotated: true; readonly retired: { readonly version: number; readonly validUntil: EpochMs } }
  | {
      readonly rotated: false;
      readonly because: "version-conflict" | "key-revoked" | "key-expired";
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
export function rotate(key: Key, command: RotateCommand, fresh: Secret, circumstance: Circumstance): Step<Rotation> {
  const { now } = circumstance;
  const { version, expiresAt } = key.standing;
  const refuse = (because: "version-conflict" | "key-revoked" | "key-expired"): Step<Rotation> =>
    unchanged(key, { rotated: false, because, currentVersion: version });

  if (key.standing.revokedAt !== null) return refuse("key-revoked");
  if (hasExpired(key.standing, now)) return refuse("key-expired");
  if (command.expectedVersion !== null && command.expectedVersion !== version) return refuse("version-conflict");

  // A suspended key stays suspended, and a grace that began while it was would outlive the suspension.
  const graceMs = key.standing.suspendedAt !== null ? 0 : command.graceSeconds * 1000;
  const validUntil = earlier(after(now, graceMs), expiresAt);
  const former: RetiredSecret = { version, digest: key.standing.secret.digest, validUntil };
  const earlierOnes = graceMs === 0 ? endGraces(key.standing.retired, now) : key.standing.retired;

  const changed = change(
    key,
    {
      version: version + 1,
      secret: fresh,
      retired: [former, ...earlierOnes].slice(0, BOUNDS.retiredSecrets),
      rotatedAt: now,
    },
    "key.rotated",
    circumstance,
    { version: version + 1, retiredValidUntil: validUntil },
  );
  return {
    key: { ...changed.key, use: { ...changed.key.use, admittedWithSecret: 0 } },
    events: changed.events,
    answer: { rotated: true, retired: { version, validUntil } },
  };
}

/** Ends the key for good. Asking again is not an error and does not move the time of the first revocation. */
export function revoke(key: Key, circumstance: Circumstance): Step<{ readonly revoked: true }> {
  const answer = { revoked: true } as const;
  if (key.standing.revokedAt !== null) return unchanged(key, answer);
  const { now } = circumstance;
  const retired = endGraces(key.standing.retired, now);
  return { ...change(key, { revokedAt: now, retired }, "key.revoked", circumstance), answer };
}

export type Suspension = { readonly done: true } | { readonly done: false; readonly because: "key-revoked" };

/** Stops the key until it is resumed. Every grace ends for good: resuming must not revive a secret that was replaced. */
export function suspend(key: Key, circumstance: Circumstance): Step<Suspension> {
  if (key.standing.revokedAt !== null) return unchanged(key, { done: false, because: "key-revoked" });
  if (key.standing.suspendedAt !== null) return unchanged(key, { done: true });
  const { now } = circumstance;
  const retired = endGraces(key.standing.retired, now);
  return { ...change(key, { suspendedAt: now, retired }, "key.suspended", circumstance), answer: { done: true } };
}

/** Lets a suspended key be used again. Nothing brings back a revoked one. */
export function resume(key: Key, circumstance: Circumstance): Step<Suspension> {
  if (key.standing.revokedAt !== null) return unchanged(key, { done: false, because: "key-revoked" });
  if (key.standing.suspendedAt === null) return unchanged(key, { done: true });
  return { ...change(key, { suspendedAt: null }, "key.resumed", circumstance), answer: { done: true } };
}

const unchanged = <Answer>(key: Key, answer: Answer): Step<Answer> => ({ key, events: [], answer });

/** The one way in which standing changes: with the next sequence as its revision, and an event that says so. */
function change(
  key: Key,
  changes: Partial<Standing>,
  type: EventType,
  { now, by, reason }: Circumstance,
  detail: KeyEvent["detail"] = {},
): { readonly key: Key; readonly events: readonly KeyEvent[] } {
  const sequence = key.standing.sequence + 1;
  return {
    key: {
      ...key,
      standing: { ...key.standing, ...changes, revision: sequence, sequence },
      use: { ...key.use, newest: now },
    },
    events: [{ sequence, type, at: now, by, detail: reason === null ? detail : { ...detail, reason } }],
  };
}

const endGraces = (retired: readonly RetiredSecret[], now: EpochMs): readonly RetiredSecret[] =>
  retired.some(({ validUntil }) => validUntil > now)
    ? retired.map((secret) => (secret.validUntil > now ? { ...secret, validUntil: now } : secret))
    : retired;

const earlier = (at: EpochMs, end: EpochMs | null): EpochMs => (end !== null && end < at ? end : at);

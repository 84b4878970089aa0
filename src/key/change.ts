import type { By, EventType, KeyEvent } from "./event.ts";
import { statusOf, type Key, type Moved, type RetiredSecret, type Standing, type Step } from "./key.ts";
import { newerOrder, type OwnerOrder } from "./owner-order.ts";
import { withoutRepeat } from "./receipt.ts";
import type { EpochMs } from "./time.ts";

/** When a change is asked for, by whom, and why. */
export type Circumstance = { readonly now: EpochMs; readonly by: By; readonly reason: string | null };

/** Ends the key for good. Asking again is not an error and does not move the time of the first revocation. */
export function revoke(key: Key, circumstance: Circumstance): Step<{ readonly done: true }> {
  if (key.standing.revokedAt !== null) return unchanged(key, { done: true });
  return {
    ...change(stopped(key, circumstance.now), { revokedAt: circumstance.now }, "key.revoked", circumstance),
    ...DONE,
  };
}

export type Suspension = { readonly done: true } | { readonly done: false; readonly because: "key-revoked" };

/** Stops the key until it is resumed. Every grace ends for good: resuming must not revive a secret that was replaced. */
export function suspend(key: Key, circumstance: Circumstance): Step<Suspension> {
  if (key.standing.revokedAt !== null) return unchanged(key, { done: false, because: "key-revoked" });
  if (key.standing.suspendedAt !== null) return unchanged(key, { done: true });
  const { now } = circumstance;
  return { ...change(stopped(key, now), { suspendedAt: now }, "key.suspended", circumstance), ...DONE };
}

/** Lets a suspended key be used again. Nothing brings back a revoked one. */
export function resume(key: Key, circumstance: Circumstance): Step<Suspension> {
  if (key.standing.revokedAt !== null) return unchanged(key, { done: false, because: "key-revoked" });
  if (key.standing.suspendedAt === null) return unchanged(key, { done: true });
  return { ...change(key, { suspendedAt: null }, "key.resumed", circumstance), ...DONE };
}

/**
 * Carries out what the key's owner object has decided for all of its keys. An order that is not newer than the one the
 * key has seen changes nothing, so orders may arrive late, twice and in any order.
 */
export function obey(key: Key, order: OwnerOrder, circumstance: Circumstance): Step<{ readonly done: true }> {
  const { ownerOrder, revokedAt } = key.standing;
  if (newerOrder(ownerOrder, order) === ownerOrder || revokedAt !== null) return unchanged(key, { done: true });
  const { now } = circumstance;
  const ordered = { ownerOrder: order };
  const detail = { ownerStanding: { before: ownerOrder?.standing ?? "active", after: order.standing } };
  switch (order.standing) {
    case "revoked":
      return {
        ...change(stopped(key, now), { ...ordered, revokedAt: now }, "key.revoked", circumstance, detail),
        ...DONE,
      };
    case "suspended":
      return { ...change(stopped(key, now), ordered, "key.owner-suspended", circumstance, detail), ...DONE };
    case "active":
      return { ...change(key, ordered, "key.owner-resumed", circumstance, detail), ...DONE };
  }
}

export const unchanged = <Answer>(key: Key, answer: Answer): Step<Answer> => ({ key, events: [], answer });

/**
 * The one way in which a key changes: with the next sequence as its revision, and an event that says so. What the change
 * makes of the key's status, be it a suspension or an end that is moved, every event tells by itself; what else was and
 * is now is for `detail`.
 */
export function change(
  key: Key,
  changes: Partial<Standing>,
  type: EventType,
  { now, by, reason }: Circumstance,
  detail: KeyEvent["detail"] = {},
): Moved {
  const sequence = key.standing.sequence + 1;
  const changed: Key = {
    ...key,
    standing: { ...key.standing, ...changes, revision: sequence, sequence },
    use: { ...key.use, newest: now },
  };
  const status = { before: statusOf(key, now), after: statusOf(changed, now) };
  const told = {
    ...detail,
    ...(status.before !== status.after && { status }),
    ...(reason !== null && { reason }),
  };
  return { key: changed, events: [{ sequence, type, at: now, by, detail: told }] };
}

/** A fact about a key that changes nothing of its record: it has a sequence, and the revision stays. */
export function note(key: Key, type: EventType, { now, by }: Circumstance, detail: KeyEvent["detail"]): Moved {
  const sequence = key.standing.sequence + 1;
  return {
    key: { ...key, standing: { ...key.standing, sequence } },
    events: [{ sequence, type, at: now, by, detail }],
  };
}

/** Ends every grace that still runs: the secrets are dead from `now` on, and nothing later revives them. */
export const endGraces = (retired: readonly RetiredSecret[], now: EpochMs): readonly RetiredSecret[] =>
  retired.some(({ validUntil }) => validUntil > now)
    ? retired.map((secret) => (secret.validUntil > now ? { ...secret, validUntil: now } : secret))
    : retired;

/** The key with no secret left but the current one, and that one to be had from nowhere again. */
export const stopped = (key: Key, now: EpochMs): Key => ({
  ...key,
  standing: { ...key.standing, retired: endGraces(key.standing.retired, now) },
  receipts: withoutRepeat(key.receipts),
});

const DONE = { answer: { done: true } } as const;

import { change, stopped, unchanged, type Circumstance } from "./change.ts";
import type { Key, Step } from "./key.ts";
import { newerOrder, type OwnerOrder } from "./owner-order.ts";

/** Ends the key for good. Asking again is not an error and does not move the time of the first revocation. */
export function revoke(key: Key, circumstance: Circumstance): Step<{ readonly done: true }> {
  if (key.standing.revokedAt !== null) return unchanged(key, { done: true });
  return {
    ...change(stopped(key, circumstance.now), { revokedAt: circumstance.now }, "key.revoked", circumstance),
    ...DONE,
  };
}

export type Suspension = { readonly done: true } | { readonly done: false; readonly because: "key-revoked" };

/**
 * Stops the key until it is resumed. Every grace ends for good: resuming must not revive a secret that was replaced. An
 * operator who suspends what somebody else has suspended makes it an operator's suspension.
 */
export function suspend(key: Key, circumstance: Circumstance): Step<Suspension> {
  if (key.standing.revokedAt !== null) return unchanged(key, { done: false, because: "key-revoked" });
  const { now, on = "operator" } = circumstance;
  const { suspendedAt, suspendedBy } = key.standing;
  if (suspendedAt === null) {
    const suspension = { suspendedAt: now, suspendedBy: on };
    return { ...change(stopped(key, now), suspension, "key.suspended", circumstance), ...DONE };
  }
  if (on !== "operator" || suspendedBy === on) return unchanged(key, { done: true });
  const detail = { suspendedBy: { before: suspendedBy, after: on } };
  return { ...change(key, { suspendedBy: on }, "key.suspended", circumstance, detail), ...DONE };
}

/** Lets a suspended key be used again. Nothing brings back a revoked one. */
export function resume(key: Key, circumstance: Circumstance): Step<Suspension> {
  if (key.standing.revokedAt !== null) return unchanged(key, { done: false, because: "key-revoked" });
  if (key.standing.suspendedAt === null) return unchanged(key, { done: true });
  return { ...change(key, { suspendedAt: null, suspendedBy: null }, "key.resumed", circumstance), ...DONE };
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

const DONE = { answer: { done: true } } as const;

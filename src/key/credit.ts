import { change, unchanged, type Circumstance } from "./change.ts";
import type { Key, Step } from "./key.ts";
import { BOUNDS } from "./policy.ts";
import { freshQuota } from "./quota.ts";

export type CreditCommand = {
  readonly credit: { readonly add: number } | { readonly set: number };
  /** The revision the caller last saw, so that a credit whose answer was lost is not added twice; `null`: any. */
  readonly expectedRevision: number | null;
};

export type Credited =
  | { readonly done: true }
  | { readonly done: false; readonly because: "precondition-failed" | "no-balance" | "over-limit" | "key-revoked" };

/**
 * Changes the balance of a quota that never refills: `add` raises what remains and the limit alike, `set` sets what
 * remains. What has been used stays on the record either way.
 */
export function credit(key: Key, command: CreditCommand, circumstance: Circumstance): Step<Credited> {
  const { profile, use, standing } = key;
  const { quota } = profile;
  const { credit: given, expectedRevision } = command;
  if (expectedRevision !== null && expectedRevision !== standing.revision) {
    return unchanged(key, { done: false, because: "precondition-failed" });
  }
  if (standing.revokedAt !== null) return unchanged(key, { done: false, because: "key-revoked" });
  if (quota === null || quota.period !== "none") return unchanged(key, { done: false, because: "no-balance" });

  const used = use.quota?.used ?? 0;
  // Not below zero: a limit that was set below what was used must not swallow the credit.
  const remainingBefore = Math.max(0, quota.limit - used);
  const remaining = "add" in given ? remainingBefore + given.add : given.set;
  const limit = used + remaining;
  if (limit > BOUNDS.limit) return unchanged(key, { done: false, because: "over-limit" });
  const detail = {
    ...given,
    remaining: { before: remainingBefore, after: remaining },
    limit: { before: quota.limit, after: limit },
  };
  const changed = change(key, {}, "key.credited", circumstance, detail);
  const { excess: _none, ...counted } = use.quota ?? freshQuota(quota, circumstance.now);
  return {
    key: {
      ...changed.key,
      profile: { ...profile, quota: { ...quota, limit } },
      use: { ...changed.key.use, quota: counted },
    },
    events: changed.events,
    answer: { done: true },
  };
}

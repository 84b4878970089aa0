import { BOUNDS, type Kind } from "./policy.ts";
import { after, epochMs, type EpochMs } from "./time.ts";

/** What of a key decides how long it lives. */
export type Lifetime = {
  readonly profile: {
    readonly kind: Kind;
    readonly createdAt: EpochMs;
    readonly lifetimeSeconds: number | null;
    readonly maxLifetimeSeconds: number | null;
    readonly idleSeconds: number | null;
  };
  readonly standing: { readonly expiresAt: EpochMs | null; readonly endSetAt: EpochMs | null };
  readonly use: { readonly lastUsedAt: EpochMs | null };
};

/** The instant from which on the key has expired: its end, or that of its rest, whichever comes first. */
export function endOf(key: Lifetime): EpochMs | null {
  const { expiresAt } = key.standing;
  const restEnds = restEndOf(key);
  if (restEnds === null || expiresAt === null) return restEnds ?? expiresAt;
  return restEnds < expiresAt ? restEnds : expiresAt;
}

/**
 * When the key ends if it is not used until then; `null` without such a rule. Somebody who sets its end by hand wakes it
 * like a use: else a key that has rested for too long could never be revived.
 */
export function restEndOf({ profile, standing, use }: Lifetime): EpochMs | null {
  if (profile.idleSeconds === null) return null;
  const awake = epochMs(Math.max(profile.createdAt, use.lastUsedAt ?? 0, standing.endSetAt ?? 0));
  return after(awake, profile.idleSeconds * 1000);
}

/**
 * Whether somebody has set the key's end by hand, and later than its lifetime allows: a session may live up to its cap,
 * every other key up to creation + lifetime. No end is later than any. How far a session has slid does not count.
 */
export function isBeyondLifetime({ profile, standing }: Pick<Lifetime, "profile" | "standing">): boolean {
  const { createdAt, lifetimeSeconds, maxLifetimeSeconds } = profile;
  if (lifetimeSeconds === null || standing.endSetAt === null) return false;
  const allowed = after(createdAt, (maxLifetimeSeconds ?? lifetimeSeconds) * 1000);
  return standing.expiresAt === null || standing.expiresAt > allowed;
}

/**
 * The new end of a session that is used at `now`; `null` if it does not slide.
 *
 * A session slides when an hour or more of its life is gone, so at most once an hour, and never past its cap. A token
 * never slides: an expiry is an expiry. Neither does a session whose end somebody has set by hand: a use must not undo
 * what they decided.
 */
export function slideTo({ profile, standing }: Pick<Lifetime, "profile" | "standing">, now: EpochMs): EpochMs | null {
  const { kind, lifetimeSeconds } = profile;
  const { expiresAt, endSetAt } = standing;
  if (kind !== "session" || lifetimeSeconds === null || expiresAt === null || endSetAt !== null) return null;
  if (expiresAt - now > (lifetimeSeconds - BOUNDS.sessionSeconds) * 1000) return null;
  const to = within(profile, after(now, lifetimeSeconds * 1000));
  return to > expiresAt ? to : null;
}

/** An end, but not past the absolute cap of the key's life. */
function within({ createdAt, maxLifetimeSeconds }: Lifetime["profile"], end: EpochMs): EpochMs {
  if (maxLifetimeSeconds === null) return end;
  const cap = after(createdAt, maxLifetimeSeconds * 1000);
  return cap < end ? cap : end;
}

import type { Key, Profile } from "./key.ts";
import { BOUNDS } from "./policy.ts";
import { after, type EpochMs } from "./time.ts";

/** The instant from which on the key has expired: its end, or that of its rest, whichever comes first. */
export function endOf({ profile, standing, use }: Key): EpochMs | null {
  const { expiresAt } = standing;
  if (profile.idleSeconds === null) return expiresAt;
  const restEnds = after(use.lastUsedAt ?? profile.createdAt, profile.idleSeconds * 1000);
  return expiresAt !== null && expiresAt < restEnds ? expiresAt : restEnds;
}

/**
 * The new end of a session that is used at `now`; `null` if it does not slide.
 *
 * A session slides when an hour or more of its life is gone, so at most once an hour, and never past its cap. A token
 * never slides: an expiry is an expiry.
 */
export function slideTo({ profile, standing }: Pick<Key, "profile" | "standing">, now: EpochMs): EpochMs | null {
  const { kind, lifetimeSeconds } = profile;
  const { expiresAt } = standing;
  if (kind !== "session" || lifetimeSeconds === null || expiresAt === null) return null;
  if (expiresAt - now > (lifetimeSeconds - BOUNDS.sessionSeconds) * 1000) return null;
  const to = within(profile, after(now, lifetimeSeconds * 1000));
  return to > expiresAt ? to : null;
}

/** An end, but not past the absolute cap of the key's life. */
export function within({ createdAt, maxLifetimeSeconds }: Profile, end: EpochMs): EpochMs {
  if (maxLifetimeSeconds === null) return end;
  const cap = after(createdAt, maxLifetimeSeconds * 1000);
  return cap < end ? cap : end;
}

import type { Key } from "./key.ts";

const HOUR = 60 * 60_000;

type Life = Pick<Key, "rules" | "createdAt" | "lastUsedAt" | "endSetAt">;

/** When a key ends that nobody uses; `null`: it may rest. To set its end by hand wakes it, else nobody could revive it. */
export const restEnd = ({ rules, createdAt, lastUsedAt, endSetAt }: Life): number | null =>
  rules.idleMs === null ? null : Math.max(createdAt, lastUsedAt ?? 0, endSetAt ?? 0) + rules.idleMs;

/**
 * The end of a session after a use; `null` if it stays as it is. It slides when `expiresAt − now ≤ lifetime − 1 h`, so
 * at most once an hour, and never past its cap. A token never does, and no session whose end somebody has set by hand.
 */
export function slidEnd({ rules, createdAt, endSetAt }: Life, now: number): number | null {
  const { session, expiresAt } = rules;
  if (session === null || expiresAt === null || endSetAt !== null) return null;
  if (expiresAt - now > session.lifetimeMs - HOUR) return null;
  const end = Math.min(now + session.lifetimeMs, createdAt + (session.capMs ?? Infinity));
  return end > expiresAt ? end : null;
}

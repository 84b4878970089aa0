import type { Key } from "./key.ts";
import { after, DAY_MS, epochMs, type EpochMs } from "./time.ts";

/** A secret is due soon when a tenth of its uses but at least one, or of its time but at most a week, is left. */
const SOON_SHARE = 0.1;
const SOON_MS = 7 * DAY_MS;

/** When the current secret is due by its age; `null` without such a rule. */
export function dueAt({ profile, standing }: Pick<Key, "profile" | "standing">): EpochMs | null {
  const seconds = profile.rotation?.afterSeconds ?? null;
  return seconds === null ? null : after(standing.rotatedAt ?? profile.createdAt, seconds * 1000);
}

/** Whether the current secret has had its uses or its time. */
function isRotationDue(key: Key, now: EpochMs): boolean {
  const uses = key.profile.rotation?.afterUses ?? null;
  const due = dueAt(key);
  return (uses !== null && key.use.admittedWithSecret >= uses) || (due !== null && now >= due);
}

/** Whether nothing is admitted with the current secret until it is rotated. */
export const isRotationRequired = (key: Key, now: EpochMs): boolean =>
  key.profile.rotation?.mode === "require" && isRotationDue(key, now);

/** Whether the admission that was just counted is the one that gets the successor. */
export const isSuccessorIssued = (key: Key, now: EpochMs): boolean =>
  key.profile.rotation?.mode === "issue" && isRotationDue(key, now);

/** When it is time to tell people that the secret will be due by its age; `null` without such a rule. */
export function dueSoonAt(key: Pick<Key, "profile" | "standing">): EpochMs | null {
  const due = dueAt(key);
  if (due === null) return null;
  const aheadMs = Math.min(SOON_MS, Math.floor(key.profile.rotation!.afterSeconds! * 1000 * SOON_SHARE));
  return epochMs(due - aheadMs);
}

/** Whether people are to be told now: once for each secret, before it is due, and of no key that has ended for good. */
export function isDueSoon(key: Key, now: EpochMs): boolean {
  if (key.use.rotationAnnounced || key.profile.rotation === null || key.standing.revokedAt !== null) return false;
  const uses = key.profile.rotation.afterUses;
  const soon = dueSoonAt(key);
  return (
    (uses !== null && key.use.admittedWithSecret >= uses - Math.max(1, Math.floor(uses * SOON_SHARE))) ||
    (soon !== null && now >= soon)
  );
}

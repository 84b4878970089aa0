import { change, note, type Circumstance } from "./change.ts";
import type { Fresh } from "./create.ts";
import type { KeyEvent } from "./event.ts";
import { install } from "./install.ts";
import type { Key, Moved } from "./key.ts";
import { slideTo } from "./lifetime.ts";
import { dueAt, isDueSoon, isSuccessorIssued } from "./rotation-policy.ts";
import { rfc3339 } from "./time.ts";

/** What a policy makes of an admission: a session slides, a secret is due soon, or its successor is handed out. */
export function followPolicy(
  key: Key,
  withCurrentSecret: boolean,
  mint: () => Fresh,
  circumstance: Circumstance,
): Moved & { readonly newKey: string | null } {
  const { now } = circumstance;
  let moved = key;
  const events: KeyEvent[] = [];
  const move = (step: Moved): void => {
    moved = step.key;
    events.push(...step.events);
  };

  const end = slideTo(key, now);
  if (end !== null) {
    const before = key.standing.expiresAt;
    const slid = { before: before === null ? null : rfc3339(before), after: rfc3339(end) };
    move(change(moved, { expiresAt: end }, "key.slid", circumstance, { expiresAt: slid }));
  }
  if (!withCurrentSecret || key.profile.rotation === null) return { key: moved, events, newKey: null };

  if (isSuccessorIssued(moved, now)) {
    const fresh = mint();
    move(install(moved, key.profile.rotation.graceSeconds, null, fresh, circumstance));
    return { key: moved, events, newKey: fresh.credential };
  }
  if (isDueSoon(moved, now)) move(announceRotation(moved, circumstance));
  return { key: moved, events, newKey: null };
}

/** Tells people, once for each secret, that it will be due. */
export function announceRotation(key: Key, circumstance: Circumstance): Moved {
  const due = dueAt(key);
  const { afterUses } = key.profile.rotation!;
  const usesLeft = afterUses === null ? null : Math.max(0, afterUses - key.use.admittedWithSecret);
  const detail = { version: key.standing.version, dueAt: due === null ? null : rfc3339(due), usesLeft };
  const noted = note(key, "key.rotation-due-soon", circumstance, detail);
  return { ...noted, key: { ...noted.key, use: { ...noted.key.use, rotationAnnounced: true } } };
}

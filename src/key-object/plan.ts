import { restMayEndAt } from "../key/end-rest.ts";
import type { KeyEvent } from "../key/event.ts";
import { nextExpiryNotice } from "../key/expiry-notice.ts";
import { nextEnd } from "../key/version-end.ts";
import { nextTimeout } from "../key/reservation.ts";
import { dueSoonAt } from "../key/rotation-policy.ts";
import { after, DAY_MS, type EpochMs } from "../key/time.ts";
import { backoffMs, withDue, withoutTask, withTask, type Agenda } from "./agenda.ts";
import type { Page } from "./book.ts";

/** How long an object keeps events that the ledger has, at least, in milliseconds: 30 days. */
export const EVENTS_KEPT_MS = 30 * DAY_MS;

/** What a plan depends on beside the states themselves. */
export type Outlook = {
  readonly now: EpochMs;
  /** Whether any exchange is open that an end of the key would have to cut. */
  readonly exchanging: boolean;
  /** A number in [0, 1). */
  readonly chance: number;
};

/**
 * The agenda of `next`: what is to be done later because of the step from `was` to it. What the step did not touch is
 * planned already.
 */
export function planOf(
  was: Page,
  next: Page,
  events: readonly KeyEvent[],
  { now, exchanging, chance }: Outlook,
): Agenda {
  const { key } = next;
  let { agenda } = next;
  if (events.length > 0 && !agenda.has("deliver")) {
    agenda = withTask(agenda, "deliver", { dueAt: after(now, backoffMs(0, chance)), attempts: 0 });
  }
  // The newest event stays: the next one's hash goes on from it. A purge leaves no other.
  if (key === null) agenda = withoutTask(agenda, "prune-events");
  else if (events.some(({ sequence }) => sequence > 1) && !agenda.has("prune-events")) {
    agenda = withTask(agenda, "prune-events", { dueAt: after(now, EVENTS_KEPT_MS), attempts: 0 });
  }
  const repeat = key?.receipts.repeat ?? null;
  if (repeat !== null && repeat !== was.key?.receipts.repeat) {
    agenda = withTask(agenda, "erase-repeat", { dueAt: repeat.validUntil, attempts: 0 });
  }
  if (key?.reservations !== was.key?.reservations) {
    agenda = withDue(agenda, "close-reservations", key && nextTimeout(key.reservations));
  }
  if (key?.profile.idleSeconds !== null && key?.standing !== was.key?.standing) {
    agenda = withDue(agenda, "end-rest", key && restMayEndAt(key));
  }
  if (key?.profile.rotation !== was.key?.profile.rotation || key?.standing.version !== was.key?.standing.version) {
    agenda = withDue(agenda, "announce-rotation", key && dueSoonAt(key));
  }
  const { standing } = was.key ?? {};
  if (key?.standing.expiresAt !== standing?.expiresAt || key?.standing.revokedAt !== standing?.revokedAt) {
    agenda = withDue(agenda, "announce-expiry", key && nextExpiryNotice(key, now));
  }
  // Whoever closes nothing costs nothing: without an open exchange there is nothing to cut.
  if (key !== null && key.standing !== was.key?.standing && exchanging) {
    agenda = withDue(agenda, "cut-exchanges", nextEnd(key, now));
  }
  return agenda;
}

import type { Circumstance } from "../key/change.ts";
import { endRest, restMayEndAt } from "../key/end-rest.ts";
import type { By, KeyEvent } from "../key/event.ts";
import { nextExpiryNotice, noticeExpiry } from "../key/expiry-notice.ts";
import { announceRotation } from "../key/follow-policy.ts";
import { withoutRepeat } from "../key/receipt.ts";
import { nextTimeout } from "../key/reservation.ts";
import { isDueSoon } from "../key/rotation-policy.ts";
import { closeExpired } from "../key/settle.ts";
import type { EpochMs } from "../key/time.ts";
import { withDue, withoutTask, type TaskName } from "./agenda.ts";
import type { Page } from "./book.ts";

/** Nobody asked: the key's own policy has it so. */
export const BY_POLICY: By = { actor: "policy", requestId: "", ip: null, userAgent: null, country: null };

/** The state after an errand, and what is to be told of it. */
type Done = { readonly page: Page; readonly events: readonly KeyEvent[] };

/**
 * What an object does by itself when its time has come, with nothing but its own state. Each errand also says when it
 * is due again.
 */
export const ERRANDS = {
  "close-reservations": closeReservations,
  "end-rest": finishRest,
  "announce-rotation": announce,
  "announce-expiry": announceExpiry,
  "erase-repeat": eraseRepeat,
} as const satisfies Partial<Record<TaskName, (page: Page, now: EpochMs) => Done>>;

export type Errand = keyof typeof ERRANDS;

function closeReservations(page: Page, now: EpochMs): Done {
  const key = page.key === null ? null : closeExpired(page.key, now);
  const agenda = withDue(page.agenda, "close-reservations", key && nextTimeout(key.reservations));
  return { page: { ...page, key, agenda }, events: [] };
}

function finishRest(page: Page, now: EpochMs): Done {
  const { key } = page;
  const step = key && endRest(key, byPolicy(now));
  if (step !== null) return { page: { ...page, key: step.key }, events: step.events };
  // It was used since: every use moves the end, and none of them writes an agenda.
  return { page: { ...page, agenda: withDue(page.agenda, "end-rest", key && restMayEndAt(key)) }, events: [] };
}

function announce(page: Page, now: EpochMs): Done {
  const { key } = page;
  const agenda = withoutTask(page.agenda, "announce-rotation");
  if (key === null || !isDueSoon(key, now)) return { page: { ...page, agenda }, events: [] };
  const step = announceRotation(key, byPolicy(now));
  return { page: { ...page, key: step.key, agenda }, events: step.events };
}

function announceExpiry(page: Page, now: EpochMs): Done {
  const { key } = page;
  const agenda = withDue(page.agenda, "announce-expiry", key && nextExpiryNotice(key, now));
  const step = key && noticeExpiry(key, byPolicy(now));
  return step === null
    ? { page: { ...page, agenda }, events: [] }
    : { page: { ...page, key: step.key, agenda }, events: step.events };
}

function eraseRepeat(page: Page): Done {
  const { key } = page;
  const agenda = withoutTask(page.agenda, "erase-repeat");
  const erased = key === null ? null : { ...key, receipts: withoutRepeat(key.receipts) };
  return { page: { ...page, key: erased, agenda }, events: [] };
}

const byPolicy = (now: EpochMs): Circumstance => ({ now, by: BY_POLICY, reason: null });

import { randomBase62, type Random } from "./base62.ts";
import { isKeyId, type KeyId } from "./credential.ts";
import type { ReservationTimeout } from "./policy.ts";
import { quotaAt, remainingOf, type QuotaState } from "./quota.ts";
import type { Key, Step } from "./key.ts";
import { after, type EpochMs } from "./time.ts";

/** `res_`, the 16 characters of the key id, `_` and 16 characters of its own: it says which object to ask. */
export type ReservationId = string & { readonly __kind: "reservation-id" };

/**
 * Units that are held for work whose cost is known only afterwards. They count as used from the moment they are held;
 * settling gives back what was not needed, once.
 */
export type Reservation = {
  readonly id: ReservationId;
  readonly units: number;
  readonly openedAt: EpochMs;
  /**
   * Where the units were taken: the start of the quota's period, or its balance. `null`: from no quota that still
   * stands, so closing changes none.
   */
  readonly heldIn: HeldIn | null;
  /** When the policy closes it, if nobody settles it before. */
  readonly expiresAt: EpochMs;
  /** `null` while open. */
  readonly closed: Closing | null;
};

export type HeldIn = EpochMs | "balance";

/** How a reservation ended: what it was charged, and what of the stated use could not be charged any more. */
export type Closing = {
  readonly at: EpochMs;
  /** The use that was stated; `null` if nobody did and the policy closed it. */
  readonly used: number | null;
  readonly charged: number;
  readonly overrun: number;
};

export type Reservations = ReadonlyMap<ReservationId, Reservation>;

const ID = /^res_([0-9A-Za-z]{16})_[0-9A-Za-z]{16}$/;
/** How many closed ones are remembered, so that settling again gets the same answer. */
const CLOSED_KEPT = 1_000;

/** The key that a reservation belongs to; `null` for a text that is no reservation's id. */
export function keyIdOfReservation(text: string): KeyId | null {
  const keyId = `key_${ID.exec(text)?.[1] ?? ""}`;
  return isKeyId(keyId) ? keyId : null;
}

const newReservationId = (keyId: KeyId, random: Random): ReservationId =>
  `res_${keyId.slice("key_".length)}_${randomBase62(16, random)}` as ReservationId;

export const countOpen = (reservations: Reservations): number => {
  let open = 0;
  for (const { closed } of reservations.values()) if (closed === null) open += 1;
  return open;
};

const placeOf = ({ span }: QuotaState): HeldIn => span?.startsAt ?? "balance";

/** The reservations of a key whose quota was replaced by another one: what they hold, they no longer hold in it. */
export function heldNowhere(reservations: Reservations): Reservations {
  if (countOpen(reservations) === 0) return reservations;
  const detached = [...reservations].map(([id, reservation]): [ReservationId, Reservation] => [
    id,
    reservation.closed === null ? { ...reservation, heldIn: null } : reservation,
  ]);
  return new Map(detached);
}

/** Opens a reservation for units that were just taken from the quota. */
export function reserve(
  { profile, reservations }: Key,
  units: number,
  quota: QuotaState | null,
  random: Random,
  now: EpochMs,
): { readonly reservation: Reservation; readonly reservations: Reservations } {
  const reservation: Reservation = {
    id: newReservationId(profile.id, random),
    units,
    openedAt: now,
    heldIn: quota === null ? null : placeOf(quota),
    expiresAt: after(now, profile.reserveSeconds * 1000),
    closed: null,
  };
  return { reservation, reservations: new Map(reservations).set(reservation.id, reservation) };
}

export type Settlement =
  | { readonly done: true; readonly reservation: Reservation }
  | { readonly done: false; readonly because: "not-found" | "conflict"; readonly detail: string };

/**
 * Settles a reservation: charges what was really used and gives the rest back, exactly once. Asking again with the same
 * use gets the same answer. Works in any standing of the key: the work has been done.
 *
 * A reservation of a past period changes nothing in the present one. A use above what was reserved takes the excess
 * from what is left and never more: a quota is never exceeded, and `overrun` says what could not be charged.
 */
export function settle(key: Key, id: ReservationId, used: number, now: EpochMs): Step<Settlement> {
  const reservation = key.reservations.get(id);
  const refuse = (because: "not-found" | "conflict", detail: string): Step<Settlement> => ({
    key,
    events: [],
    answer: { done: false, because, detail },
  });
  if (reservation === undefined) return refuse("not-found", "The key has no such reservation.");
  const { closed } = reservation;
  if (closed !== null) {
    if (closed.used === used) return { key, events: [], answer: { done: true, reservation } };
    return closed.used === null
      ? refuse("conflict", `Nobody settled it in time: it was closed and charged ${closed.charged}.`)
      : refuse("conflict", `It was settled before with a use of ${closed.used}.`);
  }
  const step = close(key, reservation, used, used, now);
  return { key: step.key, events: [], answer: { done: true, reservation: step.reservation } };
}

/** Closes, as the policy says, every reservation whose time has come. */
export function closeExpired(key: Key, now: EpochMs): Key {
  let next = key;
  for (const reservation of key.reservations.values()) {
    if (reservation.closed !== null || now < reservation.expiresAt) continue;
    const charge = CHARGE_AT_TIMEOUT[key.profile.onReservationTimeout](reservation);
    next = close(next, reservation, null, charge, now).key;
  }
  return next;
}

/** The earliest instant at which an open reservation times out; `null` without one. */
export function nextTimeout(reservations: Reservations): EpochMs | null {
  let earliest: EpochMs | null = null;
  for (const { closed, expiresAt } of reservations.values()) {
    if (closed === null && (earliest === null || expiresAt < earliest)) earliest = expiresAt;
  }
  return earliest;
}

const CHARGE_AT_TIMEOUT: Record<ReservationTimeout, (reservation: Reservation) => number> = {
  charge: ({ units }) => units,
  release: () => 0,
};

function close(
  key: Key,
  reservation: Reservation,
  used: number | null,
  cost: number,
  now: EpochMs,
): { readonly key: Key; readonly reservation: Reservation } {
  const { quota: rule } = key.profile;
  const state = rule === null ? null : quotaAt(rule, key.use.quota, now);
  const { units } = reservation;

  // Only the period in which the units were taken may be changed: no refund enters a later one, and no excess.
  const open = rule !== null && state !== null && reservation.heldIn === placeOf(state) ? { rule, state } : null;
  const available = open === null ? units : units + remainingOf(open.rule, open.state);
  const charged = reservation.heldIn === null ? cost : Math.min(cost, available);
  const closed: Closing = { at: now, used, charged, overrun: cost - charged };

  const reservations = new Map(key.reservations).set(reservation.id, { ...reservation, closed });
  forgetOldest(reservations);
  return {
    key: {
      ...key,
      reservations,
      use: {
        ...key.use,
        newest: now,
        units: key.use.units - units + charged,
        quota: open === null ? key.use.quota : { ...open.state, used: open.state.used - units + charged },
      },
    },
    reservation: { ...reservation, closed },
  };
}

/** Maps keep the order of insertion, so the first closed one is the oldest. */
function forgetOldest(reservations: Map<ReservationId, Reservation>): void {
  if (reservations.size <= CLOSED_KEPT) return;
  let closed = 0;
  for (const { closed: closing } of reservations.values()) if (closing !== null) closed += 1;
  for (const [id, { closed: closing }] of reservations) {
    if (closed <= CLOSED_KEPT) return;
    if (closing === null) continue;
    reservations.delete(id);
    closed -= 1;
  }
}

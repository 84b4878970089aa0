import { randomBase62, type Random } from "./base62.ts";
import { isKeyId, type KeyId } from "./credential.ts";
import type { QuotaState } from "./quota.ts";
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

/** Where units that are taken now are held. */
export const placeOf = ({ span }: QuotaState): HeldIn => span?.startsAt ?? "balance";

/** The reservations of a key whose quota was replaced by another one: what they hold, they no longer hold in it. */
export function heldNowhere(reservations: Reservations): Reservations {
  if (countOpen(reservations) === 0) return reservations;
  const detached = [...reservations].map(([id, reservation]): [ReservationId, Reservation] => [
    id,
    reservation.closed === null ? { ...reservation, heldIn: null } : reservation,
  ]);
  return new Map(detached);
}

/** A reservation for units that were just taken from the quota. */
export const openReservation = (
  { id, reserveSeconds }: { readonly id: KeyId; readonly reserveSeconds: number },
  units: number,
  quota: QuotaState | null,
  random: Random,
  now: EpochMs,
): Reservation => ({
  id: newReservationId(id, random),
  units,
  openedAt: now,
  heldIn: quota === null ? null : placeOf(quota),
  expiresAt: after(now, reserveSeconds * 1000),
  closed: null,
});

/** The earliest instant at which an open reservation times out; `null` without one. */
export function nextTimeout(reservations: Reservations): EpochMs | null {
  let earliest: EpochMs | null = null;
  for (const { closed, expiresAt } of reservations.values()) {
    if (closed === null && (earliest === null || expiresAt < earliest)) earliest = expiresAt;
  }
  return earliest;
}

/**
 * The reservations after some of them were closed. The closed ones come last, so the first closed one is the oldest (maps
 * keep the order of insertion); the oldest of too many are forgotten.
 */
export function withClosed(reservations: Reservations, closed: readonly Reservation[]): Reservations {
  const next = new Map(reservations);
  for (const reservation of closed) {
    next.delete(reservation.id);
    next.set(reservation.id, reservation);
  }
  let tooMany = next.size - countOpen(next) - CLOSED_KEPT;
  for (const [id, { closed: closing }] of next) {
    if (tooMany <= 0) break;
    if (closing === null) continue;
    next.delete(id);
    tooMany -= 1;
  }
  return next;
}

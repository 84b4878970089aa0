import type { Key, Step, Use } from "./key.ts";
import type { QuotaRule } from "./policy.ts";
import { quotaAt, remainingOf } from "./quota.ts";
import { placeOf, withClosed, type Closing, type Reservation, type ReservationId } from "./reservation.ts";
import type { EpochMs } from "./time.ts";
import { countUnits } from "./usage.ts";

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
  const charging = charge(key.profile.quota, key.use, reservation, used, now);
  const settled: Reservation = { ...reservation, closed: { at: now, used, ...charging.closing } };
  const use = { ...charging.use, hour: countUnits(key.use.hour, charging.use.units - key.use.units, now) };
  const next = { ...key, use, reservations: withClosed(key.reservations, [settled]) };
  return { key: next, events: [], answer: { done: true, reservation: settled } };
}

/**
 * Closes, as the policy says, every reservation whose time has come: each as of its own instant, so that it makes no
 * difference how late that is noticed. The same key if there is none.
 */
export function closeExpired(key: Key, now: EpochMs): Key {
  const due = [...key.reservations.values()].filter(({ closed, expiresAt }) => closed === null && expiresAt <= now);
  if (due.length === 0) return key;
  let { use } = key;
  const closed = due
    .toSorted((a, b) => a.expiresAt - b.expiresAt)
    .map((reservation): Reservation => {
      const { expiresAt: at, units } = reservation;
      const cost = key.profile.onReservationTimeout === "charge" ? units : 0;
      const charging = charge(key.profile.quota, use, reservation, cost, at);
      use = charging.use;
      return { ...reservation, closed: { at, used: null, ...charging.closing } };
    });
  const hour = countUnits(key.use.hour, use.units - key.use.units, now);
  return { ...key, use: { ...use, hour, newest: now }, reservations: withClosed(key.reservations, closed) };
}

/** What a reservation is charged when it ends with this cost, and the counters afterwards. */
function charge(
  rule: QuotaRule | null,
  use: Use,
  { units, heldIn }: Reservation,
  cost: number,
  at: EpochMs,
): { readonly use: Use; readonly closing: Pick<Closing, "charged" | "overrun"> } {
  const state = rule === null ? null : quotaAt(rule, use.quota, at);
  // Only the period in which the units were taken may be changed: no refund enters a later one, and no excess.
  const open = rule !== null && state !== null && heldIn === placeOf(state) ? { rule, state } : null;
  const available = open === null ? units : units + remainingOf(open.rule, open.state);
  // Where no quota counts the units any more, none stands against them.
  const charged = heldIn === null ? cost : Math.min(cost, available);
  return {
    use: {
      ...use,
      newest: at,
      units: use.units - units + charged,
      quota: open === null ? use.quota : { ...open.state, used: open.state.used - units + charged },
    },
    closing: { charged, overrun: cost - charged },
  };
}

import type { Answer, QuotaRule } from "./call.ts";
import type { Key } from "./key.ts";
import { isSameQuota, left, periodOf, spend } from "./quota.ts";

/** Units that are held. `heldAt`: when they were taken from the quota; `null`: no quota that still stands counts them. */
export type Reservation = {
  readonly name: string;
  readonly units: number;
  readonly heldAt: number | null;
  readonly until: number;
  /** How it ended; `used`: as somebody stated, `null` if nobody did in time. */
  readonly closed: { readonly used: number | null; readonly charged: number; readonly overrun: number } | null;
};

/** Holds units that were just taken. */
export const open = (key: Key, name: string, units: number, now: number): Key => {
  const heldAt = key.rules.quota === null ? null : now;
  return { ...key, held: [...key.held, { name, units, heldAt, until: now + key.rules.reserveMs, closed: null }] };
};

/** What it really was, in any standing of the key: charged once, and the rest given back once. */
export function settle(key: Key, name: string, used: number, now: number): { key: Key; answer: Answer } {
  const reservation = key.held.find((each) => each.name === name);
  if (reservation === undefined) return { key, answer: { code: "not-found" } };
  const { closed, units } = reservation;
  if (closed !== null && closed.used !== used) return { key, answer: { code: "conflict" } };
  const after = closed === null ? close(key, reservation, used, used, now) : key;
  const { charged, overrun } = after.held.find((each) => each.name === name)!.closed!;
  return { key: after, answer: { code: "settled", units, charged, overrun } };
}

/** Closes as the policy says, each at its own instant, what nobody has settled in time. */
export const timeOut = (key: Key, now: number): Key =>
  key.held
    .filter(({ closed, until }) => closed === null && until <= now)
    .toSorted((a, b) => a.until - b.until)
    .reduce(
      (after, due) => close(after, due, null, after.rules.onTimeout === "charge" ? due.units : 0, due.until),
      key,
    );

/** The reservations under another quota: what they hold, they hold in none. */
export const heldUnder = ({ held, rules }: Key, is: QuotaRule | null): Key["held"] => {
  const was = rules.quota;
  if (was === null ? is === null : is !== null && isSameQuota(was, is)) return held;
  return held.map((each) => (each.closed === null ? { ...each, heldAt: null } : each));
};

/** Only the period in which the units were taken may change: no refund enters a later one, and no excess. */
function close(key: Key, reservation: Reservation, used: number | null, cost: number, at: number): Key {
  const { quota } = key.rules;
  const { units, heldAt } = reservation;
  const isOfThisPeriod = quota !== null && heldAt !== null && periodOf(quota, heldAt) === periodOf(quota, at);
  const back = isOfThisPeriod ? spend(quota, key.spent!, -units, at) : null;
  // A quota is never exceeded: of the excess as much is charged as there is. What no quota counts, none limits.
  const most = heldAt === null ? cost : back === null ? units : units + left(quota!, key.spent!, at);
  const charged = Math.min(cost, most);
  const closed = { used, charged, overrun: cost - charged };
  const spent = back === null ? key.spent : spend(quota!, back, charged, at);
  return { ...key, spent, held: key.held.map((each) => (each === reservation ? { ...each, closed } : each)) };
}

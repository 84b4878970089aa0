import { firstInstant, nameOf, periodsBetween, type Refilled } from "./calendar.ts";
import type { QuotaRule } from "./call.ts";

/** What was used in the period of an instant, and what came into it from earlier ones. */
export type Spent = { readonly at: number; readonly used: number; readonly extra: number };

export const UNSPENT = (now: number): Spent => ({ at: now, used: 0, extra: 0 });

/** Further ahead than any refill that the campaigns wait for. */
const FAR = 3 * 366 * 24 * 60 * 60_000;

/** Which period an instant belongs to; all of a balance's life is one. */
export const periodOf = ({ period, zone = "UTC" }: QuotaRule, at: number): string =>
  period === "none" ? "for ever" : nameOf(period, zone, at);

/** What was spent, as it stands at an instant: of a period that is over it counts for nothing, but for what is left of it. */
export function spentAt(rule: QuotaRule, spent: Spent, now: number): Spent {
  const { period, zone = "UTC", limit, cap } = rule;
  if (period === "none" || periodOf(rule, spent.at) === periodOf(rule, now)) return spent;
  if (cap === undefined) return UNSPENT(now);
  let left = leftOf(rule, spent);
  // One refill after the other, until there is no room for another.
  for (let refills = periodsBetween(period, zone, spent.at, now); refills > 0 && left < cap; refills--)
    left = Math.min(cap, left + limit);
  return { at: now, used: 0, extra: left - limit };
}

/** No debt: of a limit that was lowered below what is used nothing is left. */
const leftOf = ({ limit }: QuotaRule, { used, extra }: Spent): number => Math.max(0, limit + extra - used);

export const left = (rule: QuotaRule, spent: Spent, now: number): number => leftOf(rule, spentAt(rule, spent, now));

export const spend = (rule: QuotaRule, spent: Spent, units: number, now: number): Spent => {
  const present = spentAt(rule, spent, now);
  return { ...present, used: present.used + units };
};

/** The most that can ever be there at once; credits can be added to a balance. */
export const mostOf = ({ period, limit, cap = limit }: QuotaRule): number => (period === "none" ? Infinity : cap);

/** When so many units will be there, if nobody takes any; `null` if waiting does not help. */
export const fitsAt = (rule: QuotaRule, spent: Spent, units: number, now: number): number | null =>
  rule.period === "none" ? null : firstInstant(now, now + FAR, (at) => left(rule, spent, at) >= units);

/** The first instant of the next period. */
export const resetOf = (rule: QuotaRule, now: number): number | null => {
  const present = periodOf(rule, now);
  const isOver = (at: number): boolean => periodOf(rule, at) !== present;
  return rule.period === "none" ? null : firstInstant(now, now + longest(rule.period), isOver);
};

/** Longer than any period of the kind, by the most that clocks are moved. */
function longest(period: Refilled): number {
  if (typeof period === "object") return period.everyMs;
  return { hour: 2, day: 2 * 24, week: 8 * 24, month: 32 * 24 }[period] * 60 * 60_000;
}

/** Whether what was used under one rule goes on counting under the other: only the limit, or the cap, is another. */
export const isSameQuota = (was: QuotaRule, is: QuotaRule): boolean =>
  JSON.stringify(was.period) === JSON.stringify(is.period) &&
  (was.period === "none" || typeof was.period === "object" || (was.zone ?? "UTC") === (is.zone ?? "UTC"));

/** What was spent, under another rule from now on. What has refilled until now did so by the old one. */
export function spentUnder(
  is: QuotaRule | null,
  was: QuotaRule | null,
  spent: Spent | null,
  now: number,
): Spent | null {
  if (is === null) return null;
  if (was === null || spent === null || !isSameQuota(was, is)) return UNSPENT(now);
  const present = spentAt(was, spent, now);
  return { ...present, extra: Math.min(present.extra, (is.cap ?? is.limit) - is.limit) };
}

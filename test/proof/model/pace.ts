import { firstInstant } from "./calendar.ts";
import type { PaceRule } from "./call.ts";

/** What a rate limit remembers: one entry for each limit that exists, in their order; `null` before the first request. */
export type Trace =
  | null
  /** `window`: when it was opened, and how much it has let in since. */
  | { readonly openedAt: number; readonly taken: number }
  /** `sliding`: what was let in, and when. */
  | { readonly log: readonly { readonly at: number; readonly amount: number }[] }
  /**
   * `bucket`: when it will be empty, in parts of a millisecond, `limit` of them each (the theoretical arrival time of
   * ITU-T I.371 annex A in its form of virtual scheduling). A whole number as long as limits are below a thousand or so.
   */
  | { readonly emptyAt: number };

/** What a request of this cost takes. */
export const amountOf = ({ unit }: PaceRule, cost: number): number => (unit === "cost" ? cost : 1);

export const mostOf = ({ algorithm, limit, burst = limit }: PaceRule): number =>
  algorithm === "bucket" ? burst : limit;

/** How many fit now; below zero if the limit was lowered below what is taken. */
function room(rule: PaceRule, trace: Trace, now: number): number {
  const { limit, windowMs, burst = limit } = rule;
  if (trace === null) return mostOf(rule);
  // "If now − windowStart > windowSize reset."
  if ("openedAt" in trace) return limit - (now - trace.openedAt > windowMs ? 0 : trace.taken);
  if ("log" in trace) return limit - sum(trace.log.filter(({ at }) => now < at + windowMs));
  return Math.floor((burst * windowMs - Math.max(0, trace.emptyAt - now * limit)) / windowMs);
}

export const roomOf = (rule: PaceRule, trace: Trace, now: number): number => Math.max(0, room(rule, trace, now));

export const fits = (rule: PaceRule, trace: Trace, cost: number, now: number): boolean =>
  amountOf(rule, cost) <= room(rule, trace, now);

/** When it would fit, if nobody takes any before. */
export const fitsAt = (rule: PaceRule, trace: Trace, cost: number, now: number): number =>
  firstInstant(now, now + untilUntouched(rule, trace, now), (at) => fits(rule, trace, cost, at));

/** When there is a unit more than now: of a bucket, when all of it is back. `null` if nothing is taken. */
export function comesBackAt(rule: PaceRule, trace: Trace, now: number): number | null {
  if (trace === null || isUntouched(rule, trace, now)) return null;
  const taken = room(rule, trace, now);
  const isBack = (at: number): boolean =>
    "log" in trace ? room(rule, trace, at) > taken : isUntouched(rule, trace, at);
  return firstInstant(now, now + untilUntouched(rule, trace, now), isBack);
}

/** Whether nothing is taken: no window is open, nothing counts, nothing has to drain. */
function isUntouched({ windowMs, limit }: PaceRule, trace: Exclude<Trace, null>, now: number): boolean {
  if ("openedAt" in trace) return now - trace.openedAt > windowMs;
  return "log" in trace ? trace.log.every(({ at }) => now >= at + windowMs) : trace.emptyAt <= now * limit;
}

const untilUntouched = ({ windowMs, limit }: PaceRule, trace: Trace, now: number): number =>
  trace !== null && "emptyAt" in trace ? Math.max(0, Math.ceil(trace.emptyAt / limit) - now) + 1 : windowMs + 1;

/** The trace after a request that fits. */
export function enter(rule: PaceRule, trace: Trace, cost: number, now: number): Trace {
  const { algorithm, windowMs, limit } = rule;
  const amount = amountOf(rule, cost);
  switch (algorithm ?? "window") {
    case "window": {
      const isOpen = trace !== null && "openedAt" in trace && !isUntouched(rule, trace, now);
      return isOpen ? { ...trace, taken: trace.taken + amount } : { openedAt: now, taken: amount };
    }
    case "sliding": {
      const log = trace !== null && "log" in trace ? trace.log.filter(({ at }) => now < at + windowMs) : [];
      return { log: amount === 0 ? log : [...log, { at: now, amount }] };
    }
    case "bucket": {
      const emptyAt = trace !== null && "emptyAt" in trace ? trace.emptyAt : 0;
      return { emptyAt: Math.max(now * limit, emptyAt) + amount * windowMs };
    }
  }
}

/** The traces under other rules from now on: each survives by name, algorithm and window. */
export const tracesUnder = (
  is: readonly PaceRule[],
  was: readonly PaceRule[],
  traces: readonly Trace[],
  now: number,
): readonly Trace[] =>
  is.map((rule) => {
    const at = was.findIndex((old) => idOf(old) === idOf(rule));
    const trace = traces[at] ?? null;
    // What has drained until now did so by the old rule; what is left drains by the new one.
    if (trace === null || !("emptyAt" in trace)) return trace;
    return { emptyAt: now * rule.limit + Math.max(0, trace.emptyAt - now * was[at]!.limit) };
  });

const idOf = ({ name, algorithm = "window", windowMs }: PaceRule): string =>
  JSON.stringify([name, algorithm, windowMs]);

const sum = (log: readonly { readonly amount: number }[]): number => log.reduce((all, { amount }) => all + amount, 0);

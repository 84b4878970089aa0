import type { WindowRule } from "./policy.ts";
import { PLAIN, type RateLimitAlgorithm } from "./rate-limit-algorithm.ts";
import { after, type EpochMs } from "./time.ts";

/** When the present window was opened, and how much of it is used. */
export type WindowState = { readonly algorithm: "window"; readonly openedAt: EpochMs; readonly used: number };

/**
 * The algorithm `window`: the first request opens a window; it is over when *more* than `windowSeconds` have passed.
 * A request exactly `windowSeconds` after the first still belongs to the old window.
 */
export const windowLimit: RateLimitAlgorithm<WindowRule, WindowState> = {
  ...PLAIN,
  summary: "fixed, opened by its first request",
  most: ({ limit }) => limit,

  take(rule: WindowRule, state: WindowState | null, amount: number, now: EpochMs): WindowState | EpochMs {
    const open = openWindow(rule, state, now);
    const used = (open?.used ?? 0) + amount;
    if (used > rule.limit) return endOf(rule, open?.openedAt ?? now);
    return { algorithm: "window", openedAt: open?.openedAt ?? now, used };
  },

  read(rule: WindowRule, state: WindowState | null, now: EpochMs) {
    const open = openWindow(rule, state, now);
    return {
      remaining: Math.max(0, rule.limit - (open?.used ?? 0)),
      resetsAt: open === null ? null : endOf(rule, open.openedAt),
    };
  },
};

const openWindow = (rule: WindowRule, state: WindowState | null, now: EpochMs): WindowState | null =>
  state === null || now >= endOf(rule, state.openedAt) ? null : state;

/** The first instant that no longer belongs to the window. */
const endOf = (rule: WindowRule, openedAt: EpochMs): EpochMs => after(openedAt, rule.windowSeconds * 1000 + 1);

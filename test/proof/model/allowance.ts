import type { PaceRule, QuotaRule } from "./call.ts";

/** Units used, and in which period: its name is the beginning of the date that all its instants share. */
export type Spent = { readonly period: string; readonly used: number };

/** When a window was opened, and how many it has let in since. */
export type Window = {
  readonly name: string;
  readonly windowMs: number;
  readonly openedAt: number;
  readonly taken: number;
};

/** The name of the period that an instant belongs to. Weeks begin on Monday and are called after it. */
function periodOf(rule: QuotaRule, now: number): string {
  const text = new Date(now).toISOString();
  switch (rule.period) {
    case "none":
      return "for ever";
    case "hour":
      return text.slice(0, "2026-12-31T23".length);
    case "day":
      return text.slice(0, "2026-12-31".length);
    case "month":
      return text.slice(0, "2026-12".length);
    case "week": {
      const monday = new Date(now);
      while (monday.getUTCDay() !== 1) monday.setUTCDate(monday.getUTCDate() - 1);
      return `week of ${monday.toISOString().slice(0, "2026-12-31".length)}`;
    }
  }
}

/** How many units of the present period are used. A period that is over counts for nothing. */
export const usedOf = (rule: QuotaRule, spent: Spent | null, now: number): number =>
  spent?.period === periodOf(rule, now) ? spent.used : 0;

export const spend = (rule: QuotaRule, spent: Spent | null, cost: number, now: number): Spent => ({
  period: periodOf(rule, now),
  used: usedOf(rule, spent, now) + cost,
});

/** The window that is open; "if now − windowStart > windowSize reset". */
const openWindow = (rule: PaceRule, windows: readonly Window[], now: number): Window | null => {
  const window = windows.find(({ name, windowMs }) => name === rule.name && windowMs === rule.windowMs);
  return window === undefined || now - window.openedAt > rule.windowMs ? null : window;
};

/** How many more requests the limit lets in now. */
export const roomOf = (rule: PaceRule, windows: readonly Window[], now: number): number =>
  Math.max(0, rule.limit - (openWindow(rule, windows, now)?.taken ?? 0));

/** The windows after one more request. Only the windows of limits that exist are remembered. */
export const enter = (rules: readonly PaceRule[], windows: readonly Window[], now: number): readonly Window[] =>
  rules.map((rule) => {
    const { openedAt, taken } = openWindow(rule, windows, now) ?? { openedAt: now, taken: 0 };
    return { name: rule.name, windowMs: rule.windowMs, openedAt, taken: taken + 1 };
  });

import type { Page } from "./book.ts";

/**
 * What has to happen because one state took the place of another, beside what is written down: the row, and the agenda
 * with it (`plan.ts`). Derived from the two states and never said by a step itself, so no step can forget it.
 */
export type Effects = {
  /** The version of some open exchange may not hold any more, or may end at another time. */
  readonly cut: boolean;
};

export const NO_EFFECTS: Effects = { cut: false };

export const effectsOf = (was: Page, next: Page): Effects => ({
  // Use moves only a rest's end, and only away; whatever else ends a version is in these two.
  cut: was.key?.standing !== next.key?.standing || was.key?.profile !== next.key?.profile,
});

export const bothEffects = (one: Effects, other: Effects): Effects => ({ cut: one.cut || other.cut });

import { describe, expect, it } from "vitest";
import { backoffMs, isDue, nextDue, withoutTask, withTask, type Agenda } from "../../src/key-object/agenda.ts";
import { t } from "../support/a-key.ts";

const nothing: Agenda = new Map();

describe("the agenda", () => {
  it("has no next instant when there is nothing to do", () => {
    expect(nextDue(nothing)).toBeNull();
    expect(isDue(nothing, "deliver", t(0))).toBe(false);
  });

  it("is replaced, never edited: what is on its way to storage does not change under it", () => {
    const before = withTask(nothing, "deliver", { dueAt: t(10), attempts: 0 });
    const later = withTask(before, "deliver", { dueAt: t(20), attempts: 1 });
    expect([nextDue(nothing), nextDue(before), nextDue(later)]).toEqual([null, t(10), t(20)]);
    expect(nextDue(withoutTask(later, "deliver"))).toBeNull();
    expect(nextDue(later)).toBe(t(20));
    expect(withoutTask(nothing, "deliver")).toBe(nothing);
  });

  it.each([
    [t(9.999), false],
    [t(10), true],
    [t(11), true],
  ])("is due from its instant on", (now, due) => {
    expect(isDue(withTask(nothing, "deliver", { dueAt: t(10), attempts: 0 }), "deliver", now)).toBe(due);
  });
});

describe("the wait after a failure", () => {
  it.each([
    [0, 500, 1_000],
    [1, 1_000, 2_000],
    [2, 2_000, 4_000],
    [8, 27_500, 55_000],
    [9, 27_500, 55_000],
    [1_000_000, 27_500, 55_000],
  ])("after %i failures in a row is from %i to %i ms", (attempts, least, most) => {
    expect(backoffMs(attempts, 0)).toBe(least);
    expect(backoffMs(attempts, 0.5)).toBe((least + most) / 2);
    expect(backoffMs(attempts, 1 - Number.EPSILON)).toBe(most);
  });
});

/* oxlint-disable vitest/no-conditional-expect -- what is expected depends on the request that the property came up with */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BucketRule, RateLimitRule } from "../../src/key/policy.ts";
import { readRateLimit, takeFromRateLimit } from "../../src/key/rate-limit.ts";
import type { RateLimitState } from "../../src/key/rate-limit-algorithms.ts";
import { after, epochMs, type EpochMs } from "../../src/key/time.ts";
import { aBucket, aSliding, aWindow, t } from "../support/a-key.ts";

/** Takes one amount after the other: `true` where it fitted, otherwise the seconds after which it is said to fit. */
function takes(rule: RateLimitRule, steps: readonly (readonly [seconds: number, amount?: number])[]) {
  let state: RateLimitState = null;
  return steps.map(([seconds, amount = 1]) => {
    const take = takeFromRateLimit({ ...rule, unit: "cost" }, state, amount, t(seconds));
    if (take.ok) state = take.next;
    else if (take.never) return "never";
    return take.ok || (take.retryAt - t(0)) / 1000;
  });
}

describe("a window of 60 s with a limit of 2", () => {
  const rule = aWindow(2, 60);

  it.each([
    ["admits 2 at once, not 3", [0, 0, 0], [true, true, 60.001]],
    ["opens the window with its first request, not on the minute", [59, 61, 62], [true, true, 119.001]],
    ["is still the old window 1 ms before 60 s have passed", [0, 0, 59.999], [true, true, 60.001]],
    ["is still the old window when exactly 60 s have passed", [0, 0, 60], [true, true, 60.001]],
    ["is a new window 1 ms after 60 s have passed", [0, 0, 60.001], [true, true, true]],
    ["counts the new window from the request that opens it", [0, 60.001, 120, 120.001], [true, true, true, 120.002]],
    ["gives nothing back for a window that stood idle", [0, 300, 300, 300], [true, true, true, 360.001]],
    ["is not moved on by what it refuses", [0, 0, 30, 60, 60.001], [true, true, 60.001, 60.001, true]],
    ["is the same window for a clock that steps back", [100, 100, 0, 160, 160.001], [true, true, 160.001, 160.001, true]], // prettier-ignore
  ])("%s", (_name, seconds, fitted) => {
    expect(
      takes(
        rule,
        seconds.map((second) => [second] as const),
      ),
    ).toEqual(fitted);
  });

  it("takes a cost whole or not at all", () => {
    expect(takes(aWindow(10, 60), [[0, 7], [1, 4], [2, 3], [3, 1], [4, 0], [5, 11]])).toEqual([true, 60.001, true, 60.001, true, "never"]); // prettier-ignore
  });

  it.each([
    ["nothing yet", null, 0, 2, null],
    ["one of two", { algorithm: "window", openedAt: t(0), used: 1 }, 30, 1, 60.001],
    ["all", { algorithm: "window", openedAt: t(0), used: 2 }, 60, 0, 60.001],
    ["a window that is over", { algorithm: "window", openedAt: t(0), used: 2 }, 60.001, 2, null],
    ["more than the limit now allows", { algorithm: "window", openedAt: t(0), used: 9 }, 30, 0, 60.001],
    ["the state of another algorithm, which means nothing to it", { algorithm: "sliding", stamps: [t(0)] }, 1, 2, null],
  ] as const)("tells what is left: %s", (_name, state, seconds, remaining, resets) => {
    const resetsAt = resets === null ? null : t(resets);
    expect(readRateLimit(rule, state, t(seconds))).toEqual({ rule, remaining, resetsAt });
  });

  it("admits exactly the limit in every window of a long and steady stream", () => {
    // Ten a second for an hour against 7 in 10 s. A window lasts until the first request more than 10 s after its opening.
    const steady = Array.from({ length: 36_000 }, (_, tenth) => [tenth / 10] as const);
    const admitted = takes(aWindow(7, 10), steady).filter((fitted) => fitted === true).length;
    // Each window opens 10.1 s after the last one: 356.4 of them begin in an hour, and each admits all of its 7.
    expect(admitted).toBe(357 * 7);
  });
});

describe("a sliding limit of 3 in 60 s", () => {
  const rule = aSliding(3, 60);

  it.each([
    ["admits 3 at once, not 4", [0, 0, 0, 0], [true, true, true, 60]],
    ["counts a request until 1 ms before 60 s have passed", [0, 0, 0, 59.999], [true, true, true, 60]],
    ["no longer counts it when exactly 60 s have passed", [0, 0, 0, 60], [true, true, true, true]],
    [
      "gives back one at a time, as they leave",
      [0, 10, 20, 60, 60, 69.999, 70],
      [true, true, true, true, 70, 70, true],
    ],
    ["has no edge where two bursts could meet", [59, 59, 59, 61, 118.999, 119], [true, true, true, 119, 119, true]],
    ["is not moved on by what it refuses", [0, 0, 0, 30, 59, 60], [true, true, true, 60, 60, true]],
    ["forgets nothing when its clock steps back", [100, 0, 0, 61, 159.999, 160], [true, true, true, 160, 160, true]],
  ])("%s", (_name, seconds, fitted) => {
    expect(
      takes(
        rule,
        seconds.map((second) => [second] as const),
      ),
    ).toEqual(fitted);
  });

  it("names the instant at which enough of the oldest have left for a cost", () => {
    const steps = [[0, 4], [10, 3], [20, 3], [30, 5], [30, 8], [30, 11], [60, 4], [60, 1]] as const; // prettier-ignore
    expect(takes(aSliding(10, 60), steps)).toEqual([true, true, true, 70, 80, "never", true, 70]);
  });

  it.each([
    ["nothing yet", [], 0, 3, null],
    ["two of three", [0, 10], 30, 1, 60],
    ["all", [0, 10, 20], 59.999, 0, 60],
    ["the oldest has just left", [0, 10, 20], 60, 1, 70],
    ["all have left", [0, 10, 20], 80, 3, null],
    ["more than the limit now allows", [0, 1, 2, 3, 4], 30, 0, 60],
  ])("tells what is left: %s", (_name, seconds, now, remaining, resets) => {
    const state: RateLimitState = { algorithm: "sliding", stamps: seconds.map(t) };
    const resetsAt = resets === null ? null : t(resets);
    expect(readRateLimit(rule, state, t(now))).toEqual({ rule, remaining, resetsAt });
  });

  it("says when a lowered limit fits again: not before enough of the old ones have left", () => {
    const state: RateLimitState = { algorithm: "sliding", stamps: [0, 1, 2, 3, 4].map(t) };
    expect(takeFromRateLimit(aSliding(2, 60), state, 1, t(30))).toEqual({ ok: false, never: false, retryAt: t(63) });
    expect(takeFromRateLimit(aSliding(2, 60), state, 1, t(63))).toMatchObject({ ok: true });
  });
});

describe("a bucket of 3 that drains 1 a second", () => {
  const bucket = aBucket(60, 60, 3);

  it.each([
    ["admits its burst at once, not one more", [0, 0, 0, 0], [true, true, true, 1]],
    ["has room for one 1 s later, not 1 ms before", [0, 0, 0, 0.999, 1, 1], [true, true, true, 1, true, 2]],
    ["admits at its rate for ever", [0, 0, 0, 1, 2, 3, 3.999, 4], [true, true, true, true, true, true, 4, true]],
    ["never holds more than its burst, however long it stood", [0, 3600, 3600, 3600, 3600], [true, true, true, true, 3601]], // prettier-ignore
    ["is not filled by what it refuses", [0, 0, 0, 0.5, 0.9, 1], [true, true, true, 1, 1, true]],
    [
      "drains nothing while its clock has stepped back",
      [100, 100, 0, 0, 100.999, 101],
      [true, true, true, 1, 101, true],
    ],
  ])("%s", (_name, seconds, fitted) => {
    expect(
      takes(
        bucket,
        seconds.map((second) => [second] as const),
      ),
    ).toEqual(fitted);
  });

  it("names the first instant at which a cost fits, rounded up to a millisecond", () => {
    // 7 in 10 s: a unit drains in 1428.57… ms.
    expect(takes(aBucket(7, 10), [[0, 7], [0], [1.428, 1], [1.429, 1], [1.429, 2], [0, 8]])).toEqual([true, 1.429, 1.429, true, 4.286, "never"]); // prettier-ignore
  });

  it.each([
    ["nothing yet", 0, 0, 3, null],
    ["two of three", 2, 0, 1, 2],
    ["half a unit has drained, which nobody can take", 2, 0.5, 1, 2],
    ["one has drained", 2, 1, 2, 2],
    ["all has drained, at its instant", 2, 2, 3, null],
    ["more than the burst now allows", 9, 0, 0, 9],
  ])("tells what is left: %s", (_name, units, seconds, remaining, resets) => {
    const state: RateLimitState = { algorithm: "bucket", at: t(0), level: units * 60_000 };
    const resetsAt = resets === null ? null : t(resets);
    expect(readRateLimit(bucket, state, t(seconds))).toEqual({ rule: bucket, remaining, resetsAt });
  });

  it("admits exactly burst + rate × time of a flood", () => {
    // A thousand a second for a minute against 3,000 a minute with a burst of 100.
    const flood = Array.from({ length: 60_000 }, (_, ms) => [ms / 1000] as const);
    const admitted = takes(aBucket(3000, 60, 100), flood).filter((fitted) => fitted === true).length;
    expect(admitted).toBe(100 + Math.floor((59_999 * 3000) / 60_000));
  });

  it("counts ticks up to 2^53 exactly: what it says fits, fits, and not a millisecond sooner", () => {
    const bounded = fc
      .record({
        limit: fc.bigInt({ min: 1n, max: 10n ** 12n }),
        windowSeconds: fc.bigInt({ min: 1n, max: 366n * 86_400n }),
        burst: fc.bigInt({ min: 1n, max: 10n ** 12n }),
        taken: fc.bigInt({ min: 1n, max: 10n ** 12n }),
        amount: fc.bigInt({ min: 1n, max: 10n ** 12n }),
        elapsed: fc.bigInt({ min: 0n, max: 400n * 86_400_000n }),
      })
      .filter(({ burst, windowSeconds }) => burst * windowSeconds * 1000n <= 2n ** 53n);
    fc.assert(
      fc.property(bounded, ({ limit, windowSeconds, burst, elapsed, ...wanted }) => {
        const unit = windowSeconds * 1000n;
        const taken = wanted.taken > burst ? burst : wanted.taken;
        const amount = wanted.amount > burst ? burst : wanted.amount;
        const drained = taken * unit - elapsed * limit;
        const level = drained > 0n ? drained : 0n;
        const free = burst * unit - level;
        const rule: BucketRule = {
          ...(aBucket(Number(limit), Number(windowSeconds), Number(burst)) as BucketRule),
          unit: "cost",
        };
        const now = after(t(0), Number(elapsed));
        const state = { algorithm: "bucket", at: t(0), level: Number(taken * unit) } as const;

        expect(BigInt(readRateLimit(rule, state, now).remaining)).toBe(free / unit);
        const take = takeFromRateLimit(rule, state, Number(amount), now);
        if (amount * unit <= free) {
          expect(take).toEqual({
            ok: true,
            next: { algorithm: "bucket", at: now, level: Number(level + amount * unit) },
          });
        } else {
          const missing = amount * unit - free;
          const waitMs = (missing + limit - 1n) / limit;
          expect(take).toEqual({ ok: false, never: false, retryAt: after(now, Number(waitMs)) });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("every algorithm", () => {
  const rules = [aWindow(5, 10), aSliding(5, 10), aBucket(5, 10), aBucket(5, 10, 2), aBucket(3, 7, 5)] as const;

  /** What the definition of the algorithm says of these admissions; the sum must never be above what it allows. */
  function isWithin(rule: RateLimitRule, taken: readonly (readonly [at: number, amount: number])[]): boolean {
    const windowMs = rule.windowSeconds * 1000;
    switch (rule.algorithm) {
      case "sliding":
        // In every half-open span of the window's length, wherever it begins.
        return taken.every(([from]) => sum(taken.filter(([at]) => at >= from && at < from + windowMs)) <= rule.limit);
      case "bucket":
        // Between any two of them no more than the burst and what drained meanwhile.
        return taken.every(([from], first) =>
          taken.every(
            ([to], last) =>
              last < first ||
              sum(taken.slice(first, last + 1)) * windowMs <= rule.burst * windowMs + (to - from) * rule.limit,
          ),
        );
      case "window": {
        let opened = -Infinity;
        const sums = new Map<number, number>();
        for (const [at, amount] of taken) {
          if (at - opened > windowMs) opened = at;
          sums.set(opened, (sums.get(opened) ?? 0) + amount);
        }
        return [...sums.values()].every((used) => used <= rule.limit);
      }
    }
  }
  const sum = (taken: readonly (readonly [number, number])[]) => taken.reduce((all, [, amount]) => all + amount, 0);

  const steps = fc.array(fc.tuple(fc.integer({ min: -3_000, max: 12_000 }), fc.integer({ min: 0, max: 6 })), {
    maxLength: 60,
  });

  it.each(rules.map((rule) => [`${rule.algorithm} ${JSON.stringify(rule)}`, rule] as const))(
    "admits what its definition allows and nothing beyond, and is right about when: %s",
    (_name, rule) => {
      const byCost = { ...rule, unit: "cost" } as const;
      fc.assert(
        fc.property(steps, (moves) => {
          let state: RateLimitState = null;
          let read = t(0) as number;
          let now = t(0);
          const taken: (readonly [number, number])[] = [];
          for (const [ms, amount] of moves) {
            read += ms;
            now = epochMs(Math.max(now, read));
            const { remaining } = readRateLimit(byCost, state, now);
            const take = takeFromRateLimit(byCost, state, amount, now);
            expect(take.ok, "what is left is what fits").toBe(amount <= remaining);
            if (take.ok) {
              state = take.next;
              taken.push([now, amount]);
              continue;
            }
            if (take.never) continue;
            const around = [epochMs(take.retryAt - 1), take.retryAt];
            expect(around.map((at) => fits(byCost, state, amount, at))).toEqual([false, true]);
          }
          expect(isWithin(rule, taken)).toBe(true);
        }),
        { numRuns: 300 },
      );
    },
  );

  const fits = (rule: RateLimitRule, state: RateLimitState, amount: number, at: EpochMs): boolean =>
    takeFromRateLimit(rule, state, amount, at).ok;

  it.each(rules)("counts a request once, whatever it costs, when its unit is the request: %o", (rule) => {
    expect(takeFromRateLimit(rule, null, 1_000_000, t(0)).ok).toBe(true);
    expect(takeFromRateLimit({ ...rule, unit: "cost" }, null, 1_000_000, t(0))).toEqual({ ok: false, never: true });
  });
});

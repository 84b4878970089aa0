import type { Mutant } from "../mutant.ts";

const C2 = { campaign: "C2", size: 3 } as const;
const C5 = { campaign: "C5", size: 20_000 } as const;
const C12 = { campaign: "C12", size: 5_000 } as const;

/** Bugs in the rules of a key's policy: limits, periods, reservations, lifetimes and rotation. */
export const IN_THE_POLICY: readonly Mutant[] = [
  {
    bug: "a window of a rate limit is over a millisecond early",
    breaks: "P5",
    file: "src/key/rate-limit-window.ts",
    edits: [
      { from: "after(openedAt, rule.windowSeconds * 1000 + 1)", to: "after(openedAt, rule.windowSeconds * 1000)" },
    ],
    catcher: C12,
  },
  {
    bug: "a sliding limit forgets a unit a millisecond late",
    breaks: "P5",
    file: "src/key/rate-limit-sliding.ts",
    edits: [{ from: "if (endOf(rule, stamps[middle]!) <= now)", to: "if (endOf(rule, stamps[middle]!) < now)" }],
    catcher: C12,
  },
  {
    bug: "a sliding limit is misread when the object wakes",
    breaks: "P5",
    file: "src/key/rate-limit-sliding.ts",
    edits: [{ from: "before = stamp;", to: "" }],
    catcher: C5,
  },
  {
    bug: "GCRA off by one: a bucket holds one more than its burst",
    breaks: "P5",
    file: "src/key/rate-limit-bucket.ts",
    edits: [
      {
        from: "const missing = amount * ticks(rule) - (rule.burst * ticks(rule) - level);",
        to: "const missing = amount * ticks(rule) - ((rule.burst + 1) * ticks(rule) - level);",
      },
    ],
    catcher: C5,
  },
  {
    bug: "a bucket lets in a millisecond early",
    breaks: "P5",
    file: "src/key/rate-limit-bucket.ts",
    edits: [{ from: "if (missing > 0)", to: "if (missing > rule.limit)" }],
    catcher: C12,
  },
  {
    bug: "a limit by cost counts requests",
    breaks: "P5",
    file: "src/key/rate-limit.ts",
    edits: [{ from: 'const amount = rule.unit === "cost" ? cost : 1;', to: "const amount = Math.min(cost, 1);" }],
    catcher: C5,
  },
  {
    bug: "the rate limits are charged although the quota refuses",
    breaks: "P6",
    file: "src/key/admit.ts",
    edits: [
      {
        from: "if (!quota.ok) return refuse(quota.refusal, allowanceOf(key, now));",
        to: `if (!quota.ok) {
          const charged = { ...key, use: { ...key.use, rateLimits: pace.next } };
          return { ...refuse(quota.refusal, allowanceOf(key, now)), key: charged };
        }`,
      },
    ],
    catcher: C5,
  },
  {
    bug: "a day has 24 hours, also when the clocks are moved",
    breaks: "P4",
    file: "src/key/period.ts",
    edits: [
      {
        from: "return { startsAt: start(index), endsAt: start(index + 1) };",
        to: `const startsAt = start(index);
          return { startsAt, endsAt: period === "day" ? epochMs(startsAt + 86_400_000) : start(index + 1) };`,
      },
    ],
    catcher: C12,
  },
  {
    bug: "a quota follows the calendar of UTC in every zone",
    breaks: "P4",
    file: "src/key/quota.ts",
    edits: [{ from: "spanOf(rule.period, rule.timezone, now)", to: 'spanOf(rule.period, "UTC", now)' }],
    catcher: C12,
  },
  {
    bug: "what is carried over grows beyond the cap",
    breaks: "P4",
    file: "src/key/quota.ts",
    edits: [{ from: "Math.min(cap, left + refills * rule.limit)", to: "left + refills * rule.limit" }],
    catcher: C12,
  },
  {
    bug: "settling twice gives back twice",
    breaks: "P4",
    file: "src/key/settle.ts",
    edits: [
      {
        from: `if (closed !== null) {
          if (closed.used === used) return { key, events: [], answer: { done: true, reservation } };`,
        to: "if (closed !== null && closed.used !== used) {",
      },
    ],
    catcher: C2,
  },
  {
    bug: "a refund of a past period enters the present one",
    breaks: "P4",
    file: "src/key/settle.ts",
    edits: [{ from: "state !== null && heldIn === placeOf(state) ?", to: "state !== null && heldIn !== null ?" }],
    catcher: C12,
  },
  {
    bug: "a use above what was reserved exceeds the quota",
    breaks: "P4",
    file: "src/key/settle.ts",
    edits: [{ from: "heldIn === null ? cost : Math.min(cost, available)", to: "cost" }],
    catcher: C5,
  },
  {
    bug: "a reservation that timed out is released again and again",
    breaks: "P4",
    file: "src/key/settle.ts",
    edits: [{ from: "closed === null && expiresAt <= now", to: "expiresAt <= now && closed?.used == null" }],
    catcher: C12,
  },
  {
    bug: "reservations are known only until the object sleeps",
    breaks: "P4",
    file: "src/key-object/book.ts",
    edits: [
      {
        from: "if (key.reservations !== reservations) this.#writeReservations(key.reservations, reservations);",
        to: "",
      },
    ],
    catcher: C5,
  },
  {
    bug: "a session slides past its cap",
    breaks: "P7",
    file: "src/key/lifetime.ts",
    edits: [{ from: "return cap < end ? cap : end;", to: "return cap < end ? end : cap;" }],
    catcher: C12,
  },
  {
    bug: "a session slides with every use",
    breaks: "P7",
    file: "src/key/lifetime.ts",
    edits: [
      {
        from: "if (expiresAt - now > (lifetimeSeconds - BOUNDS.sessionSeconds) * 1000) return null;",
        to: "",
      },
    ],
    catcher: C12,
  },
  {
    bug: "a secret whose rotation is required is admitted once more",
    breaks: "P8",
    file: "src/key/rotation-policy.ts",
    edits: [{ from: "key.use.admittedWithSecret >= uses) ||", to: "key.use.admittedWithSecret > uses) ||" }],
    catcher: C5,
  },
  {
    bug: "all who cross the line together get a successor",
    breaks: "P8",
    file: "src/key/install.ts",
    edits: [{ from: "admittedWithSecret: 0,", to: "" }],
    catcher: C2,
  },
  {
    bug: "a secret in its grace counts as a use of its successor",
    breaks: "P8",
    file: "src/key/admit.ts",
    edits: [{ from: "use.admittedWithSecret + (current ? 1 : 0)", to: "use.admittedWithSecret + 1" }],
    catcher: C2,
  },
  {
    bug: "a successor is minted for a secret in its grace",
    breaks: "P8",
    file: "src/key/follow-policy.ts",
    edits: [
      {
        from: "if (!withCurrentSecret || key.profile.rotation === null)",
        to: "if (key.profile.rotation === null)",
      },
    ],
    catcher: C5,
  },
];

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { covers, isControlScope, isGrantableScope, isRequirableScope, satisfies } from "../../src/key/scope.ts";

describe("what a granted scope covers", () => {
  it.each([
    ["orders:read", "orders:read"],
    ["*", "orders"],
    ["*", "orders:read"],
    ["*", "a:b:c:d:e"],
    ["orders:*", "orders:read"],
    ["orders:*", "orders:eu:read"],
    ["*:read", "orders:read"],
    ["*:*", "orders:read"],
    ["*:*", "orders:eu:read"],
    ["orders:*:read", "orders:eu:read"],
    ["rekey:*", "rekey:keys:write"],
    ["rekey:keys:*", "rekey:keys:write"],
    ["rekey:*:read", "rekey:keys:read"],
    ["rekey:verify", "rekey:verify"],
  ])("%s covers %s", (granted, required) => {
    expect(covers(granted, required)).toBe(true);
  });

  it.each([
    ["orders:read", "orders:write"],
    ["orders:read", "orders"],
    ["orders", "orders:read"],
    ["orders:*", "orders"],
    ["*:*", "orders"],
    ["*:read", "orders:eu:read"],
    ["orders:*:read", "orders:read"],
    ["orders:*:read", "orders:eu:fr:read"],
    ["orders:re", "orders:read"],
    ["order*", "orders"],
    ["ORDERS:read", "orders:read"],
    ["", "orders"],
    ["rekey:keys:read", "rekey:keys:write"],
    ["rekey:*", "rekey"],
  ])("%s does not cover %s", (granted, required) => {
    expect(covers(granted, required)).toBe(false);
  });

  it.each(["*", "*:*", "*:*:*", "*:keys:*", "*:keys:write", "*:*:write"])(
    "no wildcard reaches into rekey: unless it begins with it: %s",
    (granted) => {
      for (const required of ["rekey", "rekey:verify", "rekey:keys:write", "rekey:keys:rotate", "rekey:audit:read"]) {
        expect(covers(granted, required), required).toBe(false);
      }
    },
  );

  it("is decided by segments alone, for any pair of scopes", () => {
    const plain = fc.oneof(fc.stringMatching(/^[A-Za-z0-9._-]{1,6}$/), fc.constant("rekey"));
    const required = fc.array(plain, { minLength: 1, maxLength: 5 });
    const granted = fc.array(fc.oneof(plain, fc.constant("*")), { minLength: 1, maxLength: 4 });
    // Made from the required one, so that the two meet often: some segments starred, the end cut off.
    const near = fc.tuple(
      required,
      fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
      fc.integer({ min: 1, max: 5 }),
    );
    const pairs = fc.oneof(
      fc.tuple(granted, required),
      near.map(([need, stars, length]): [string[], string[]] => {
        const have = need.map((segment, at) => (stars[at] ? "*" : segment)).slice(0, length);
        return [have, need];
      }),
    );
    fc.assert(
      fc.property(pairs, ([have, need]) => {
        // The same rule as a regular expression: one segment for `*`, one or more for the last.
        const last = have.length - 1;
        const source = have.map((segment, at) =>
          segment !== "*" ? segment.replaceAll(".", "\\.") : at === last ? ".+" : "[^:]+",
        );
        const matches = new RegExp(`^${source.join(":")}$`).test(need.join(":"));
        const reserved = need[0] === "rekey" && have[0] !== "rekey";
        expect(covers(have.join(":"), need.join(":"))).toBe(matches && !reserved);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("what one granted scope may pass on of itself", () => {
  it.each([
    ["rekey:keys:write", "rekey:keys:write"],
    ["rekey:*", "rekey:*"],
    ["rekey:*", "rekey:keys:*"],
    ["rekey:*", "rekey:*:read"],
    ["rekey:*", "rekey:*:*"],
    ["rekey:*:read", "rekey:keys:read"],
    ["*", "orders:*"],
    ["*:*", "orders:*"],
  ])("%s covers all that %s covers", (granted, other) => {
    expect(covers(granted, other)).toBe(true);
  });

  it.each([
    ["rekey:keys:write", "rekey:keys:*"],
    ["rekey:keys:write", "rekey:keys:read"],
    ["rekey:keys:*", "rekey:*"],
    // An open end covers one segment or more: the second holds what the first does not.
    ["rekey:*:*", "rekey:*"],
    ["rekey:*:read", "rekey:*"],
    ["rekey:keys:*", "rekey:*:read"],
    ["rekey:*", "rekey"],
    ["*", "rekey:verify"],
    ["*:*", "rekey:*"],
    ["*:verify", "rekey:verify"],
  ])("%s does not cover all that %s covers", (granted, other) => {
    expect(covers(granted, other)).toBe(false);
  });

  // Every scope of up to three segments over four words: few enough to try all of them.
  const words = ["rekey", "keys", "other", "*"];
  const longer = (scopes: readonly string[]) => scopes.flatMap((scope) => words.map((word) => `${scope}:${word}`));
  const every = [words, longer(words), longer(longer(words))].flat();
  const passedOn = new Map(every.map((granted) => [granted, every.filter((other) => covers(granted, other))]));

  /** Scopes that a granted scope covers, with a word in the place of each `*` that nobody else uses. */
  const examplesOf = (granted: string): string[] => {
    const open = granted.endsWith("*");
    const plain = granted.replaceAll("*", "unheard-of");
    return open ? ["", ":a", ":a:b", ":a:b:c"].map((more) => plain + more) : [plain];
  };

  it("is exactly what it covers itself, for every pair of scopes", () => {
    for (const granted of every) {
      const holds = every.filter((other) => examplesOf(other).every((required) => covers(granted, required)));
      expect(passedOn.get(granted), granted).toEqual(holds);
    }
  });

  it("grows by no detour: whatever is passed on, and passed on again, was held in the first place", () => {
    for (const [granted, others] of passedOn) {
      for (const other of others) {
        const gained = passedOn.get(other)!.filter((third) => !covers(granted, third));
        expect(gained, `${granted} by way of ${other}`).toEqual([]);
      }
    }
  });

  it("reaches into rekey: only from behind a literal rekey", () => {
    const control = every.filter(isControlScope);
    expect(control).toHaveLength(every.length / words.length);
    for (const granted of every.filter((scope) => !isControlScope(scope))) {
      expect(
        control.filter((scope) => covers(granted, scope)),
        granted,
      ).toEqual([]);
    }
  });
});

describe("what may be written as a scope", () => {
  it.each(["a", "orders:read", "A.b-c_9:x", "a".repeat(128)])("%s may be granted and required", (scope) => {
    expect([isGrantableScope(scope), isRequirableScope(scope)]).toEqual([true, true]);
  });

  it.each(["*", "orders:*", "*:read", "*:*", "orders:*:read"])("%s may be granted, but not required", (scope) => {
    expect([isGrantableScope(scope), isRequirableScope(scope)]).toEqual([true, false]);
  });

  it.each([
    "",
    ":",
    "a:",
    ":a",
    "a::b",
    "a b",
    "a,b",
    "a\n",
    "a/b",
    "orders:re*d",
    "**",
    "é",
    '"a"',
    "a\u0000",
    "a".repeat(129),
  ])("%j may not be either", (scope) => {
    expect([isGrantableScope(scope), isRequirableScope(scope)]).toEqual([false, false]);
  });
});

describe("what a request demands", () => {
  const granted = ["orders:read", "invoices:*"];

  it.each([
    ["nothing", [], [], true],
    ["one that is granted", ["orders:read"], [], true],
    ["all of several", ["orders:read", "invoices:write"], [], true],
    ["all of several, one missing", ["orders:read", "orders:write"], [], false],
    ["any of several", [], ["orders:write", "orders:read"], true],
    ["any of several, none granted", [], ["orders:write", "users:read"], false],
    ["all of some and any of others", ["orders:read"], ["users:read", "invoices:read"], true],
    ["all of some, but none of the others", ["orders:read"], ["users:read"], false],
    ["not all of some, but one of the others", ["users:read"], ["orders:read"], false],
  ])("%s", (_name, all, any, satisfied) => {
    expect(satisfies(granted, all, any)).toBe(satisfied);
  });

  it("is never met by a key without scopes", () => {
    expect(satisfies([], ["a"], [])).toBe(false);
    expect(satisfies([], [], ["a"])).toBe(false);
    expect(satisfies([], [], [])).toBe(true);
  });
});

import { describe, expect, it, test } from "vitest";
import { dice, type Dice } from "../../support/dice.ts";
import type { History, Operation } from "../history/operation.ts";
import { replay } from "../history/replay.ts";
import { search } from "../history/search.ts";
import { LENIENT, type Answer, type Call, type Rules } from "../model/call.ts";
import { ABSENT, step, type State } from "../model/key.ts";

const aKey = (changes: Partial<Rules> = {}): State =>
  step(ABSENT, { do: "create", rules: { ...LENIENT, ...changes }, mints: "s1", header: null }, 0).state;

const use = (secret = "s1"): Call => ({ do: "use", secret, cost: 1 });
const rotate = (mints: string, expected: number | null = null): Call => ({
  do: "rotate",
  expected,
  graceMs: 0,
  mints,
  header: null,
});

type Line = readonly [
  time: readonly [called: number, returned: number],
  call: Call,
  answer: Answer | null,
  n?: number,
  revision?: number,
];

/** A history by hand. `n` numbers the decision; without it the answer bears none. */
const history = (first: State, ...lines: readonly Line[]): History => ({
  key: "a key",
  first,
  operations: lines.map(([[calledAt, returned], call, answer, n, revision = null], client) => ({
    client,
    call,
    calledAt,
    returnedAt: answer === null ? Infinity : returned,
    answer,
    decision: n === undefined ? null : { boot: 1, n },
    revision,
    life: 0,
  })),
});

const valid = { code: "valid" };
const rotated = { code: "rotated" };
const isDead = { code: "key-rotated" };

const CORRECT: readonly (readonly [string, History])[] = [
  [
    "one call after the other",
    history(
      aKey(),
      [[1, 2], use(), valid, 1],
      [[3, 4], rotate("s2"), rotated, 2],
      [[5, 6], use(), isDead, 3],
      [[7, 8], use("s2"), valid, 4],
    ),
  ],
  [
    "an old secret is let in while its rotation is under way",
    history(aKey(), [[1, 9], rotate("s2"), rotated, 2], [[2, 8], use(), valid, 1]),
  ],
  [
    "of two rotations of one version one loses",
    history(
      aKey(),
      [[1, 9], rotate("s2", 1), rotated, 1],
      [[2, 8], rotate("s3", 1), { code: "version-conflict", currentVersion: 2 }, 2],
    ),
  ],
  ["a rotation of unknown outcome happened", history(aKey(), [[1, 0], rotate("s2"), null], [[5, 6], use(), isDead, 2])],
  ["a rotation of unknown outcome did not", history(aKey(), [[1, 0], rotate("s2"), null], [[5, 6], use(), valid, 1])],
  [
    "of three uses of unknown outcome two happened, one of them late",
    history(
      aKey({ quota: { limit: 9, period: "none" } }),
      [[1, 0], use(), null],
      [[2, 0], use(), null],
      [[3, 0], use(), null],
      [[4, 5], use(), { code: "valid", used: 2 }, 2],
      [[6, 7], use(), { code: "valid", used: 4 }, 4],
    ),
  ],
  [
    "a suspension that would have changed nothing where it was called came after a resumption",
    history(
      aKey(),
      [[1, 2], { do: "suspend" }, { code: "suspended" }, 1],
      [[3, 8], { do: "suspend" }, { code: "suspended" }, 3],
      [[4, 7], { do: "resume" }, { code: "resumed" }, 2],
      [[9, 10], use(), { code: "key-suspended" }, 4],
    ),
  ],
  [
    "a stranger's answer bears no number and is right in a state of its time",
    history(aKey(), [[1, 6], rotate("s2"), rotated, 1], [[2, 3], use("s2"), { code: "invalid-key" }]),
  ],
];

describe("both checkers explain what is correct", () => {
  it.each(CORRECT)("%s", (_name, correct) => {
    expect(replay(correct)).toBeNull();
    expect(search(correct)).toBe("yes");
  });
});

const WRONG: readonly (readonly [string, History])[] = [
  [
    "an old secret is let in after its rotation had returned",
    history(aKey(), [[1, 2], rotate("s2"), rotated, 1], [[3, 4], use(), valid, 2]),
  ],
  [
    "the same, with a number that would put it before",
    history(aKey(), [[1, 2], rotate("s2"), rotated, 2], [[3, 4], use(), valid, 1]),
  ],
  [
    "two of one",
    history(aKey({ quota: { limit: 1, period: "none" } }), [[1, 9], use(), valid, 1], [[2, 8], use(), valid, 2]),
  ],
  [
    "one of two: a quota that is not reached",
    history(
      aKey({ quota: { limit: 2, period: "none" } }),
      [[1, 2], use(), valid, 1],
      [[3, 4], use(), { code: "quota-exceeded" }, 2],
    ),
  ],
  [
    "two winners of one version",
    history(aKey(), [[1, 9], rotate("s2", 1), rotated, 1], [[2, 8], rotate("s3", 1), rotated, 2]),
  ],
  ["no winner", history(aKey(), [[1, 9], rotate("s2", 1), { code: "version-conflict", currentVersion: 2 }, 1])],
  [
    "two secrets are valid",
    history(aKey(), [[1, 2], rotate("s2"), rotated, 1], [[3, 8], use("s2"), valid, 2], [[4, 9], use("s1"), valid, 3]),
  ],
  [
    "a lost use is counted twice",
    history(
      aKey({ quota: { limit: 9, period: "none" } }),
      [[1, 0], use(), null],
      [[2, 3], use(), { code: "valid", used: 3 }, 2],
    ),
  ],
  [
    "what was acknowledged is forgotten",
    history(
      aKey({ quota: { limit: 9, period: "none" } }),
      [[1, 2], use(), { code: "valid", used: 1 }, 1],
      [[3, 4], use(), { code: "valid", used: 1 }, 2],
    ),
  ],
  [
    "a rotation of unknown outcome happened and then did not",
    history(aKey(), [[1, 0], rotate("s2"), null], [[2, 3], use(), isDead, 2], [[4, 5], use(), valid, 3]),
  ],
  [
    "a revoked key is used",
    history(aKey(), [[1, 2], { do: "revoke" }, { code: "revoked" }, 1], [[3, 4], use(), valid, 2]),
  ],
  [
    "a stranger is told that the newest secret is nobody's",
    history(aKey(), [[1, 2], rotate("s2"), rotated, 1], [[3, 4], use("s2"), { code: "invalid-key" }]),
  ],
];

describe("both checkers refuse what is wrong", () => {
  it.each(WRONG)("%s", (_name, wrong) => {
    expect(replay(wrong)).not.toBeNull();
    expect(search(wrong)).toBe("no");
  });

  it("the replay says which operation cannot be explained, and what the model says", () => {
    const wrong = history(aKey(), [[1, 2], rotate("s2"), rotated, 1], [[3, 4], use(), valid, 2]);
    expect(replay(wrong)).toContain(
      '"do":"use","secret":"s1","cost":1} heard {"code":"valid"}, the model {"code":"key-rotated"',
    );
  });

  it("the replay alone knows that what a kill interrupted does not happen later", () => {
    const { key, first, operations } = history(
      aKey(),
      [[1, 0], rotate("s2"), null],
      [[5, 6], use(), valid, 1],
      [[7, 8], use(), isDead, 3],
    );
    const lives = operations.map((each, at) => ({ ...each, life: at === 0 ? 0 : 1 }));
    expect(replay({ key, first, operations })).toBeNull();
    expect(replay({ key, first, operations: lives })).not.toBeNull();
  });

  it("of the same calls the replay spends those first that were made before an earlier kill", () => {
    const { key, first, operations } = history(
      aKey({ quota: { limit: 9, period: "none" } }),
      [[1, 0], use(), null],
      [[5, 0], use(), null],
      [[6, 10], use(), { code: "valid", used: 2 }, 1],
      [[11, 12], use(), { code: "valid", used: 4 }, 2],
    );
    const lives = operations.map((each, at) => ({ ...each, life: at === 0 ? 0 : 1 }));
    expect(replay({ key, first, operations: lives })).toBeNull();
  });

  it("the replay alone knows which number the object gave", () => {
    const numbers = history(
      aKey({ quota: { limit: 9, period: "none" } }),
      [[1, 9], use(), { code: "valid", used: 2 }, 1],
      [[2, 8], use(), { code: "valid", used: 1 }, 2],
    );
    expect(search(numbers)).toBe("yes");
    expect(replay(numbers)).not.toBeNull();
  });
});

describe("a revision, which the replay alone looks at", () => {
  const read = { do: "read" } as const;
  const record = { code: "record" };
  const revisions = (...[before, rotation, after]: readonly [number, number, number]): History =>
    history(
      aKey(),
      [[1, 2], read, record, 1, before],
      [[3, 4], rotate("s2"), rotated, 2, rotation],
      [[5, 6], read, record, 3, after],
    );

  it("grows with a change, by more if something was noted down meanwhile", () => {
    expect(replay(revisions(1, 2, 2))).toBeNull();
    expect(replay(revisions(1, 4, 4))).toBeNull();
  });

  it("does not stand still while the key changes, and does not grow without a change", () => {
    expect(replay(revisions(1, 1, 1))).toContain("1 changes, but 0 revisions");
    expect(replay(revisions(1, 2, 3))).toContain("0 changes, but 1 revisions");
    expect(replay(revisions(3, 4, 2))).toContain("0 changes, but -2 revisions");
  });
});

describe("a boot in which nothing changed", () => {
  const refusals = (first: number, second: number): History => ({
    ...history(aKey(), [[1, 2], { do: "suspend" }, { code: "suspended" }, 1]),
    operations: [
      ...history(aKey(), [[1, 2], { do: "suspend" }, { code: "suspended" }, 1]).operations,
      ...history(
        aKey(),
        [[3, 4], use(), { code: "key-suspended" }, first],
        [[5, 6], use(), { code: "key-suspended" }, second],
      ).operations.map((each) => ({ ...each, decision: { ...each.decision!, boot: 2 } })),
    ],
  });

  it("may number its refusals twice: the instance may have been another", () => {
    expect(replay(refusals(7, 3))).toBeNull();
    expect(replay(refusals(7, 7))).toBeNull();
  });
});

const SEEDS = Array.from({ length: 60 }, (_, at) => at + 1);

test.each(SEEDS)(
  "seed %i: a history made with the model is explained by both, and spoilt by one answer by neither",
  (seed) => {
    const roll = dice(seed);
    const made = invent(roll);
    expect(replay(made)).toBeNull();
    expect(search(made)).toBe("yes");

    // An admission more than there was: nothing that is unknown can explain a unit that came back.
    const admitted = made.operations.filter(({ answer }) => answer?.code === "valid");
    const spoilt = roll.pick(admitted);
    const operations = made.operations.map((each) =>
      each === spoilt ? { ...each, answer: { ...each.answer!, used: (each.answer!["used"] as number) - 1 } } : each,
    );
    expect(replay({ ...made, operations })).not.toBeNull();
    expect(search({ ...made, operations })).toBe("no");
  },
);

/** Calls of four clients that the model decides at some instant between their call and their return. */
function invent(roll: Dice): History {
  const first = aKey({ quota: { limit: 1_000, period: "none" } });
  let state = first;
  let tick = 0;
  let n = 0;
  let minted = 1;
  const operations: Operation[] = [];
  const clients = Array.from(
    { length: 4 },
    (): { call: Call; calledAt: number; answer: Answer | null; n: number } | null => null,
  );
  for (let turn = 0; turn < 200; turn++) {
    const client = roll.below(clients.length);
    const busy = clients[client];
    tick += 1;
    if (!busy) {
      const call = roll.onceIn(6)
        ? rotate(`s${(minted += 1)}`)
        : use(`s${Math.max(1, minted - roll.pick([0, 0, 0, 1]))}`);
      clients[client] = { call, calledAt: tick, answer: null, n: 0 };
    } else if (busy.answer === null) {
      const told = step(state, busy.call, 0);
      state = told.state;
      busy.answer = told.answer;
      busy.n = n += 1;
    } else {
      // One answer in ten is lost.
      const isLost = roll.onceIn(10);
      const { call, calledAt, answer, n: number } = busy;
      operations.push({
        client,
        call,
        calledAt,
        returnedAt: isLost ? Infinity : tick,
        answer: isLost ? null : answer,
        decision: isLost ? null : { boot: 1, n: number },
        revision: null,
        life: 0,
      });
      clients[client] = null;
    }
  }
  // Still under way at the end: not known, whether it was decided or not.
  for (const [client, busy] of clients.entries()) {
    if (busy === null) continue;
    const { call, calledAt } = busy;
    operations.push({
      client,
      call,
      calledAt,
      returnedAt: Infinity,
      answer: null,
      decision: null,
      revision: null,
      life: 0,
    });
  }
  return { key: "invented", first, operations: operations.toSorted((a, b) => a.calledAt - b.calledAt) };
}

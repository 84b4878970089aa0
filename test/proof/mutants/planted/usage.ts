import type { Mutant } from "../mutant.ts";

/** Bugs in what is counted for people, beside what is decided. */
export const IN_THE_USAGE: readonly Mutant[] = [
  {
    bug: "an hour of use is lost when the next one begins before it was written",
    breaks: "P12",
    file: "src/key-object/state.ts",
    edits: [
      {
        from: "hour.start !== next.start) this.#hours.push(hour);",
        to: "hour.start > next.start) this.#hours.push(hour);",
      },
    ],
    catcher: { project: "runtime", test: "test/runtime/usage.test.ts" },
  },
  {
    bug: "an older reading of an hour replaces a newer one in the ledger",
    breaks: "P12",
    file: "src/ledger/usage.ts",
    edits: [{ from: "WHERE excluded.changes > usage.changes", to: "" }],
    catcher: { project: "runtime", test: "test/runtime/usage.test.ts" },
  },
  {
    bug: "what a settlement gives back is not taken from the hour",
    breaks: "P12",
    file: "src/key/settle.ts",
    edits: [
      {
        from: "countUnits(key.use.hour, charging.use.units - key.use.units, now)",
        to: "countUnits(key.use.hour, Math.max(0, charging.use.units - key.use.units), now)",
      },
    ],
    catcher: { project: "unit", test: "test/unit/usage.test.ts" },
  },
  {
    bug: "use that the ledger did not hear of is not told again",
    breaks: "P12",
    file: "src/key-object/outbox.ts",
    edits: [{ from: `if (page.agenda.has("deliver") && !this`, to: "if (!this" }],
    catcher: { project: "runtime", test: "test/runtime/usage.test.ts" },
  },
  {
    bug: "refusals that were written down once are forgotten when more come",
    breaks: "P12",
    file: "src/key/refusal-count.ts",
    edits: [{ from: "count: known.count + more.count", to: "count: more.count" }],
    catcher: { project: "unit", test: "test/unit/usage.test.ts" },
  },
  {
    bug: "every refusal writes a row at once",
    breaks: "P10",
    file: "src/key-object/tally.ts",
    edits: [{ from: "this.#timer ??= setTimeout(() => this.flush(), FLUSH_AFTER_MS);", to: "this.flush();" }],
    catcher: { project: "runtime", test: "test/runtime/cost.test.ts" },
  },
];

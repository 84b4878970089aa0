import type { Mutant } from "../mutant.ts";

const C6 = { campaign: "C6", size: 600 } as const;

/** Bugs that show where instances, messages and clocks cross; the first is one of the platform. */
export const IN_THE_INTERLEAVING: readonly Mutant[] = [
  {
    bug: "an instance that was superseded can still confirm its writes",
    breaks: "P1",
    file: "test/proof/simulation/fenced-store.ts",
    edits: [{ from: "if (holder !== this.#holder) return false;", to: "" }],
    catcher: C6,
  },
  {
    bug: "an answer waits for a write, and not for the one that covers it",
    breaks: "P11",
    file: "src/key-object/state.ts",
    edits: [{ from: "this.#durable < mine;", to: "this.#durable < mine && !isNext;" }],
    catcher: C6,
  },
  {
    bug: "a late delivery takes the ledger back to an older record",
    breaks: "P12",
    file: "src/ledger/keys.ts",
    edits: [{ from: "WHERE excluded.revision > keys.revision", to: "WHERE excluded.revision <> keys.revision" }],
    catcher: C6,
  },
  {
    bug: "the alarm rings for ever for what a purged key had to tell",
    breaks: "P11",
    file: "src/key-object/tally.ts",
    edits: [{ from: "if (page.key === null) return this.#withdraw();", to: "if (page.key === null) return;" }],
    catcher: { project: "runtime", test: "test/runtime/purge.test.ts" },
  },
  {
    bug: "a task that finds nothing to deliver is left behind, and rings for ever",
    breaks: "P11",
    file: "src/key-object/outbox.ts",
    edits: [{ from: "this.#delivered(told); break;", to: "break;" }],
    catcher: { project: "runtime", test: "test/runtime/delivery.test.ts" },
  },
];

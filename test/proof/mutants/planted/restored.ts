import type { Mutant } from "../mutant.ts";

/** Bugs that only show when something was put back to an earlier time. */
export const IN_THE_RESTORE: readonly Mutant[] = [
  {
    bug: "a key that was restored is stopped, and resuming it revives the secret that had been replaced",
    breaks: "P2",
    file: "src/key/recover.ts",
    edits: [{ from: "const successor = replaced ? successorOf", to: "const successor = !view ? successorOf" }],
    catcher: { campaign: "C11", size: 1 },
  },
  {
    bug: "a note of a restored key hides the change that it lost",
    breaks: "P1",
    file: "src/key/recover.ts",
    edits: [{ from: "revision > standing.revision || version", to: "version" }],
    catcher: { project: "runtime", test: "test/runtime/recover.test.ts" },
  },
];

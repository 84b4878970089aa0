import type { Mutant } from "../mutant.ts";

/** Bugs that once survived the tests nearest to them. */
export const ONCE_SURVIVED: readonly Mutant[] = [
  {
    bug: "the origin's own Access-Control-Allow-Credentials stands beside the rule's",
    breaks: "rules",
    file: "src/edge/cors.ts",
    edits: [
      {
        from: '"access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers", ]) {',
        to: '"access-control-allow-origin", "access-control-expose-headers", ]) {',
      },
    ],
    catcher: { project: "unit", test: "test/unit/edge-cors.test.ts" },
  },
  {
    bug: "the timer of an upload that broke off attaches afterwards",
    breaks: "P14",
    file: "src/edge/exchange.ts",
    edits: [{ from: "flowing.then(stop, stop);", to: "flowing.then(stop, () => {});" }],
    catcher: { project: "unit", test: "test/unit/edge-exchange.test.ts" },
  },
  {
    bug: "a refusal at /self tells a stranger a decision's number, and so that the key exists",
    breaks: "P10",
    file: "src/control/self.ts",
    edits: [
      {
        from: 'if (code === "invalid-key") return problem(code, { requestId });',
        to: 'if (code === "invalid-key") return problem(code, { requestId, headers });',
      },
    ],
    catcher: { project: "runtime", test: "test/runtime/control-self.test.ts" },
  },
  {
    bug: "a rotation with grace while the owner is suspended leaves the old secret alive after its resume",
    breaks: "P2",
    file: "src/key/rotate.ts",
    edits: [
      {
        from: "const stopped = standing.suspendedAt !== null || isOwnerSuspended(standing);",
        to: "const stopped = standing.suspendedAt !== null;",
      },
    ],
    catcher: { project: "unit", test: "test/unit/owner-order.test.ts" },
  },
  {
    bug: "after an outage of the ledger an owner's old keys are never searched for",
    breaks: "P1",
    file: "src/owner-object/owner-object.ts",
    edits: [
      {
        from: 'const settled = acknowledged + forbidden === keys && ledger === "searched";',
        to: "const settled = acknowledged + forbidden === keys; void ledger;",
      },
    ],
    catcher: { project: "runtime", test: "test/runtime/owner.test.ts" },
  },
  {
    bug: "of too many settled messages of a webhook the newest are forgotten",
    breaks: "P12",
    file: "src/webhook-object/book.ts",
    edits: [{ from: "ORDER BY due_at_ms DESC LIMIT ?3", to: "ORDER BY due_at_ms ASC LIMIT ?3" }],
    catcher: { project: "runtime", test: "test/runtime/webhook.test.ts" },
  },
  {
    bug: "events older than 30 days are deleted although the ledger does not have them",
    breaks: "P12",
    file: "src/key-object/book.ts",
    edits: [
      {
        from: "const through = Math.min(upTo, this.#head.sequence - 1);",
        to: "const through = this.#head.sequence - 1; void upTo;",
      },
    ],
    catcher: { project: "runtime", test: "test/runtime/weather.test.ts" },
  },
];

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
];

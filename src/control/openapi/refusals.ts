import { CODE_OF_REASON, CODES, type Code } from "../../http/codes.ts";
import { statusOfTarget } from "../answer.ts";
import type { Operation } from "../operation.ts";

/** A code that an operation can answer with. A code about the caller and the same about the target differ in status. */
export type PossibleRefusal = { readonly code: Code; readonly status: number };

/** Whatever a caller's own credential can be refused for: a control key is a key like any other. */
const OF_THE_CALLER: readonly Code[] = [
  "missing-credentials",
  "ambiguous-credentials",
  ...new Set(Object.values(CODE_OF_REASON)),
  "too-many-failures",
];

/**
 * Every code that an operation can answer with: those that follow from its shape, and those it adds.
 * Codes that any path of the deployment can meet before it is known whose it is (`invalid-path`) are not repeated here.
 */
export function refusalsOf(operation: Operation): readonly PossibleRefusal[] {
  const { scope, refusals } = operation;
  const statusOf = (code: Code) => (scope === null || scope === "self" ? CODES[code].status : statusOfTarget(code));
  const all: readonly PossibleRefusal[] = [
    ...shapeRefusals(operation).map((code) => ({ code, status: CODES[code].status })),
    ...refusals.map((code) => ({ code, status: statusOf(code) })),
  ];
  return [...new Map(all.map((each) => [`${each.code} ${each.status}`, each])).values()];
}

function shapeRefusals({ scope, method, params, body, heeds = [] }: Operation): readonly Code[] {
  const codes: Code[] = ["invalid-request"];
  if (scope === "self") codes.push("missing-credentials", "ambiguous-credentials", "invalid-key", "too-many-failures");
  else if (scope !== null) codes.push(...OF_THE_CALLER);
  // A control key may be too weak for its target, or for what it wants to grant.
  if (scope?.startsWith("rekey:keys:") && method !== "GET") codes.push("forbidden");
  if (params !== undefined) codes.push("not-found");
  if (body !== undefined) codes.push("payload-too-large");
  if (heeds.includes("if-match")) codes.push("precondition-failed");
  if (heeds.includes("idempotency-key")) codes.push("idempotency-mismatch", "idempotency-expired");
  codes.push("unavailable", "misconfigured");
  return codes;
}

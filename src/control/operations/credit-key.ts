import type * as z from "zod/mini";
import { problem } from "../../http/problem.ts";
import type { CreditCommand, Credited } from "../../key/credit.ts";
import { BOUNDS } from "../../key/policy.ts";
import { recordAnswer, statusOfTarget } from "../answer.ts";
import { askFor, askOf } from "../ask.ts";
import { operation } from "../operation.ts";
import { creditBody } from "../schema/credit.ts";
import { keyParams } from "../schema/params.ts";
import { keyRecord } from "../schema/record.ts";

type Refused = Extract<Credited, { readonly done: false }>["because"];

/** What to tell of each refusal. Every one is about the key as it is, so none says that the body is wrong. */
const REFUSALS = {
  "precondition-failed": { code: "precondition-failed" },
  "key-revoked": { code: "key-revoked", status: statusOfTarget("key-revoked") },
  "no-balance": { code: "conflict", detail: 'Only a quota with the period "none" is a balance that takes credits.' },
  "over-limit": { code: "conflict", detail: `The limit would be above ${BOUNDS.limit}.` },
} as const satisfies Record<Refused, object>;

export const creditKey = operation({
  method: "POST",
  path: "/_rekey/v1/keys/{id}/credits",
  operationId: "creditKey",
  summary:
    "Add to a balance that never refills, or set it. With If-Match a lost answer cannot add twice; an Idempotency-Key is refused.",
  scope: "rekey:keys:write",
  heeds: ["if-match"],
  refuses: ["idempotency-key"],
  params: keyParams,
  body: creditBody,
  responses: { 200: { description: "The key with its new balance.", schema: keyRecord } },
  refusals: ["precondition-failed", "conflict", "key-revoked"],
  handle(call) {
    const { expectedRevision, requestId } = call;
    return askFor(
      call,
      call.params.id,
      (key) => key.credit({ credit: creditOf(call.body), expectedRevision, ...askOf(call, call.body.reason) }),
      (answer, headers) => {
        if (answer.done) return recordAnswer(call, answer.record, headers);
        const { code, ...told } = REFUSALS[answer.because];
        return problem(code, { requestId, headers, ...told });
      },
    );
  },
});

/** The body says exactly one of the two. */
const creditOf = ({ add, set }: z.output<typeof creditBody>): CreditCommand["credit"] =>
  add === undefined ? { set: set! } : { add };

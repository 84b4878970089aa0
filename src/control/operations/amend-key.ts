import type * as z from "zod/mini";
import { problem } from "../../http/problem.ts";
import type { Amendment } from "../../key/amend.ts";
import { epochMs } from "../../key/time.ts";
import { recordAnswer, statusOfTarget } from "../answer.ts";
import { askFor, askOf } from "../ask.ts";
import { operation } from "../operation.ts";
import { amendBody } from "../schema/amend.ts";
import { boundaryOf } from "../schema/boundary.ts";
import { quotaRuleOf, rateLimitRulesOf } from "../schema/policy.ts";
import { keyParams } from "../schema/params.ts";
import { keyRecord } from "../schema/record.ts";

export const amendKey = operation({
  method: "PATCH",
  path: "/_rekey/v1/keys/{id}",
  operationId: "amendKey",
  summary: "Change what was set at a key's creation. What has been used stays used.",
  scope: "rekey:keys:write",
  heeds: ["if-match"],
  params: keyParams,
  body: amendBody,
  responses: { 200: { description: "The key as it is now.", schema: keyRecord } },
  refusals: ["precondition-failed", "key-revoked"],
  handle(call) {
    const { expectedRevision, requestId } = call;
    return askFor(
      call,
      call.params.id,
      (key) => key.amend({ amendment: amendmentOf(call.body), expectedRevision, ...askOf(call, null) }),
      (answer, headers) => {
        if (answer.done) return recordAnswer(call, answer.record, headers);
        const { because } = answer;
        return problem(because, { requestId, status: statusOfTarget(because), headers });
      },
    );
  },
});

/** JSON has no `undefined`: a field that was named has a value, and what was not named is not there. */
function amendmentOf({ expiresAt, quota, rateLimits, boundary, ...fields }: z.output<typeof amendBody>): Amendment {
  return {
    ...(fields as Amendment),
    ...(expiresAt !== undefined && { expiresAt: expiresAt === null ? null : epochMs(Date.parse(expiresAt)) }),
    ...(quota !== undefined && { quota: quotaRuleOf(quota) }),
    ...(rateLimits !== undefined && { rateLimits: rateLimitRulesOf(rateLimits) }),
    ...(boundary !== undefined && { boundary: boundaryOf(boundary) }),
  };
}

import * as z from "zod/mini";
import { CODES } from "../../http/codes.ts";
import { problem } from "../../http/problem.ts";
import type { Amendment } from "../../key/amend.ts";
import { BOUNDS } from "../../key/policy.ts";
import { epochMs } from "../../key/time.ts";
import { recordAnswer } from "../answer.ts";
import { askFor, askOf } from "../ask.ts";
import { operation } from "../operation.ts";
import { instant, metadata, text } from "../schema/fields.ts";
import { keyParams } from "../schema/params.ts";
import { allowedIps, quota, rateLimits, scopes } from "../schema/policy.ts";
import { keyRecord } from "../schema/record.ts";

/** Each named field is replaced whole; `null` clears one that a record may hold as `null`. */
const body = z.strictObject({
  name: z.optional(text(BOUNDS.nameLength)),
  scopes: z.optional(scopes),
  allowedIps: z.optional(z.nullable(allowedIps)),
  quota: z.optional(z.nullable(quota)),
  rateLimits: z.optional(rateLimits),
  selfRotate: z.optional(z.boolean()),
  /** An instant that is past ends the key at once; a later one revives a key that has expired. */
  expiresAt: z.optional(z.nullable(instant)),
  metadata: z.optional(metadata),
});

export const amendKey = operation({
  method: "PATCH",
  path: "/_rekey/v1/keys/{id}",
  operationId: "amendKey",
  summary: "Change what was set at a key's creation. What has been used stays used.",
  scope: "rekey:keys:write",
  heeds: ["if-match"],
  params: keyParams,
  body,
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
        return problem(because, {
          requestId,
          status: because === "key-revoked" ? 409 : CODES[because].status,
          headers,
        });
      },
    );
  },
});

function amendmentOf({ expiresAt, ...fields }: z.output<typeof body>): Amendment {
  const end = expiresAt === undefined ? {} : { expiresAt: expiresAt === null ? null : epochMs(Date.parse(expiresAt)) };
  // JSON has no `undefined`: a field that was named has a value.
  return { ...(fields as Amendment), ...end };
}

import * as z from "zod/mini";
import { problem } from "../../http/problem.ts";
import { BOUNDS } from "../../key/policy.ts";
import { rfc3339 } from "../../key/time.ts";
import { json } from "../answer.ts";
import { askFor, becauseOf } from "../ask.ts";
import { operation } from "../operation.ts";
import { recordJson } from "../record-json.ts";
import { orNull, reason, timestamp, whole, withDefault } from "../schema/fields.ts";
import { keyParams } from "../schema/params.ts";
import { keyRecord } from "../schema/record.ts";

export const rotateKey = operation({
  method: "POST",
  path: "/_rekey/v1/keys/{id}/rotate",
  operationId: "rotateKey",
  summary: "Replace a key's secret. When this answers, the old one is dead everywhere (or its grace runs).",
  scope: "rekey:keys:rotate",
  params: keyParams,
  body: z.strictObject({
    /** The version the caller last saw; without it whatever holds is rotated. */
    expectedVersion: orNull(whole(1, Number.MAX_SAFE_INTEGER)),
    graceSeconds: withDefault(whole(0, BOUNDS.graceSeconds), 0),
    reason,
  }),
  responses: {
    200: {
      description: "The new secret, and until when the old one is admitted: not after this instant without grace.",
      schema: z.strictObject({
        key: z.string(),
        record: keyRecord,
        retired: z.strictObject({ version: z.int(), validUntil: timestamp }),
      }),
    },
  },
  refusals: ["version-conflict", "key-revoked", "key-expired"],
  handle(call) {
    const { expectedVersion, graceSeconds } = call.body;
    return askFor(
      call,
      call.params.id,
      (key) => key.rotate({ expectedVersion, graceSeconds, ...becauseOf(call, call.body.reason) }),
      (answer, headers) => {
        if (answer.rotated) {
          const { version, validUntil } = answer.retired;
          return json(
            call,
            200,
            {
              key: answer.credential,
              record: recordJson(answer.record),
              retired: { version, validUntil: rfc3339(validUntil) },
            },
            headers,
          );
        }
        const { because, currentVersion } = answer;
        return problem(because, {
          requestId: call.requestId,
          status: 409,
          headers,
          members: because === "version-conflict" ? { currentVersion } : {},
        });
      },
    );
  },
});

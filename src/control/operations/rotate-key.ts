import { problem } from "../../http/problem.ts";
import { statusOfTarget } from "../answer.ts";
import { askFor, askOf } from "../ask.ts";
import { operation } from "../operation.ts";
import { rotated, rotatedAnswer } from "../rotated-json.ts";
import { keyParams } from "../schema/params.ts";
import { rotateBody } from "../schema/rotate.ts";

export const rotateKey = operation({
  method: "POST",
  path: "/_rekey/v1/keys/{id}/rotate",
  operationId: "rotateKey",
  summary: "Replace a key's secret. When this answers, the old one is dead everywhere (or its grace runs).",
  scope: "rekey:keys:rotate",
  heeds: ["idempotency-key"],
  params: keyParams,
  body: rotateBody,
  responses: { 200: rotated },
  refusals: ["version-conflict", "key-revoked", "key-expired"],
  handle(call) {
    const { expectedVersion, graceSeconds, reason: why } = call.body;
    const { idempotency, requestId } = call;
    return askFor(
      call,
      call.params.id,
      (key) => key.rotate({ expectedVersion, graceSeconds, idempotency, ...askOf(call, why) }),
      (answer, headers) => {
        if (answer.done) return rotatedAnswer(call, answer, headers);
        const { because, currentVersion } = answer;
        const members = because === "version-conflict" ? { currentVersion } : {};
        return problem(because, { requestId, status: statusOfTarget(because), headers, members });
      },
    );
  },
});

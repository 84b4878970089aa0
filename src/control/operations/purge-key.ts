import { problem } from "../../http/problem.ts";
import { noContent } from "../answer.ts";
import { askFor, askOf } from "../ask.ts";
import { operation } from "../operation.ts";
import { keyParams } from "../schema/params.ts";

export const purgeKey = operation({
  method: "DELETE",
  path: "/_rekey/v1/keys/{id}",
  operationId: "purgeKey",
  summary: "Forget a revoked or expired key and everything personal about it. Its id is never used again.",
  scope: "rekey:keys:write",
  params: keyParams,
  responses: { 204: { description: "The key is forgotten; so it was if it is asked again." } },
  refusals: ["conflict"],
  handle: (call) =>
    askFor(
      call,
      call.params.id,
      (key) => key.purge(askOf(call, null)),
      ({ purged }, headers) =>
        purged
          ? noContent(call, headers)
          : problem("conflict", {
              requestId: call.requestId,
              headers,
              detail: "Somebody could still use this key. Revoke it first.",
            }),
    ),
});

import { problem } from "../../http/problem.ts";
import { noContent } from "../answer.ts";
import { askFor, askOf } from "../ask.ts";
import { askOwner } from "../ask-owner.ts";
import { operation } from "../operation.ts";
import { keyParams } from "../schema/params.ts";

/** How long the owner's roll is waited for, in milliseconds. */
const ROLL_MS = 1_000;

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
      async ({ purged, owner = null }, headers) => {
        if (!purged) {
          return problem("conflict", {
            requestId: call.requestId,
            headers,
            detail: "Somebody could still use this key. Revoke it first.",
          });
        }
        // If it does not hear of it, the owner's next decision or this call again will tell it.
        if (owner !== null) await askOwner(call.env, owner, ROLL_MS, (roll) => roll.forget(call.params.id));
        return noContent(call, headers);
      },
    ),
});

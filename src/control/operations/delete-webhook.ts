import { noContent } from "../answer.ts";
import { askWebhook, logChange } from "../ask-webhook.ts";
import { operation } from "../operation.ts";
import { webhookParams } from "../schema/webhook.ts";

export const deleteWebhook = operation({
  method: "DELETE",
  path: "/_rekey/v1/webhooks/{id}",
  operationId: "deleteWebhook",
  summary: "Forget a webhook, its secrets and its messages. What waits is not sent any more.",
  scope: "rekey:webhooks:write",
  params: webhookParams,
  responses: { 204: { description: "There is no such webhook any more." } },
  refusals: [],
  handle: (call) =>
    askWebhook(
      call,
      call.params.id,
      (object, ask) => object.remove(ask),
      () => {
        logChange(call, "deleted", call.params.id);
        return noContent(call);
      },
    ),
});

import { json } from "../answer.ts";
import { askWebhook, logChange } from "../ask-webhook.ts";
import { operation } from "../operation.ts";
import { webhook, webhookParams } from "../schema/webhook.ts";
import { webhookJson } from "../webhook-json.ts";

export const resumeWebhook = operation({
  method: "POST",
  path: "/_rekey/v1/webhooks/{id}/resume",
  operationId: "resumeWebhook",
  summary: "Send again, if the webhook was disabled; and send now what waits.",
  scope: "rekey:webhooks:write",
  params: webhookParams,
  responses: { 200: { description: "The webhook as it is now.", schema: webhook } },
  refusals: [],
  handle: (call) =>
    askWebhook(
      call,
      call.params.id,
      (object, ask) => object.resume(ask),
      (answer) => {
        logChange(call, "resumed", call.params.id);
        return json(call, 200, webhookJson(answer.webhook));
      },
    ),
});

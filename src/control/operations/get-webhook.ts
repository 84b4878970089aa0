import { json } from "../answer.ts";
import { askWebhook } from "../ask-webhook.ts";
import { operation } from "../operation.ts";
import { webhook, webhookParams } from "../schema/webhook.ts";
import { webhookJson } from "../webhook-json.ts";

export const getWebhook = operation({
  method: "GET",
  path: "/_rekey/v1/webhooks/{id}",
  operationId: "getWebhook",
  summary: "Read a webhook as it is now: whether messages arrive, and how many wait.",
  scope: "rekey:webhooks:write",
  params: webhookParams,
  responses: { 200: { description: "The webhook.", schema: webhook } },
  refusals: [],
  handle: (call) =>
    askWebhook(
      call,
      call.params.id,
      (object, ask) => object.read(ask),
      (answer) => json(call, 200, webhookJson(answer.webhook)),
    ),
});

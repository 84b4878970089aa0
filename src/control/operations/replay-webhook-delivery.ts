import { json, notFound } from "../answer.ts";
import { askWebhook } from "../ask-webhook.ts";
import { operation } from "../operation.ts";
import { delivery, deliveryParams } from "../schema/webhook.ts";
import { deliveryJson } from "../webhook-json.ts";

export const replayWebhookDelivery = operation({
  method: "POST",
  path: "/_rekey/v1/webhooks/{id}/deliveries/{deliveryId}/replay",
  operationId: "replayWebhookDelivery",
  summary: "Send a message again under its own id, whatever became of it, with as many attempts as a new one has.",
  scope: "rekey:webhooks:write",
  params: deliveryParams,
  responses: { 202: { description: "It is on its way again.", schema: delivery } },
  refusals: [],
  handle: (call) =>
    askWebhook(
      call,
      call.params.id,
      (object, ask) => object.replay({ ...ask, messageId: call.params.deliveryId }),
      (answer) => (answer.delivery === null ? notFound(call) : json(call, 202, deliveryJson(answer.delivery))),
    ),
});

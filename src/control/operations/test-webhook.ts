import { problem } from "../../http/problem.ts";
import { json } from "../answer.ts";
import { askWebhook } from "../ask-webhook.ts";
import { operation } from "../operation.ts";
import { delivery, webhookParams } from "../schema/webhook.ts";
import { deliveryJson } from "../webhook-json.ts";

export const testWebhook = operation({
  method: "POST",
  path: "/_rekey/v1/webhooks/{id}/test",
  operationId: "testWebhook",
  summary: "Send a message of the type `webhook.test`, to see whether it arrives and is believed.",
  scope: "rekey:webhooks:write",
  params: webhookParams,
  responses: {
    202: { description: "It is on its way: the list of deliveries says what became of it.", schema: delivery },
  },
  refusals: ["conflict"],
  handle: (call) =>
    askWebhook(
      call,
      call.params.id,
      (object, ask) => object.sendTest(ask),
      (answer) =>
        answer.delivery === null
          ? problem("conflict", { requestId: call.requestId, detail: "This webhook is disabled. Resume it first." })
          : json(call, 202, deliveryJson(answer.delivery)),
    ),
});

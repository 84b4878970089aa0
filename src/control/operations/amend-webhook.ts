import { json } from "../answer.ts";
import { askWebhook, logChange } from "../ask-webhook.ts";
import { operation } from "../operation.ts";
import type { EndpointAmendment } from "../../webhook/endpoint.ts";
import { webhook, webhookAmendment, webhookParams } from "../schema/webhook.ts";
import { webhookJson } from "../webhook-json.ts";
import { refuseTarget } from "../webhook-target.ts";

export const amendWebhook = operation({
  method: "PATCH",
  path: "/_rekey/v1/webhooks/{id}",
  operationId: "amendWebhook",
  summary: "Change where messages go, or which events they are about. What waits goes to the new place.",
  scope: "rekey:webhooks:write",
  params: webhookParams,
  body: webhookAmendment,
  responses: { 200: { description: "The webhook as it is now.", schema: webhook } },
  refusals: [],
  async handle(call) {
    const { url } = call.body;
    const refusal = url === undefined ? null : await refuseTarget(call, url);
    if (refusal !== null) return refusal;
    // JSON has no `undefined`: a field that was named has a value, and what was not named is not there.
    const amendment = call.body as EndpointAmendment;
    return askWebhook(
      call,
      call.params.id,
      (object, ask) => object.amend({ ...ask, amendment }),
      (answer) => {
        logChange(call, "amended", call.params.id);
        return json(call, 200, webhookJson(answer.webhook));
      },
    );
  },
});

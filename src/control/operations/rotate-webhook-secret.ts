import { problem } from "../../http/problem.ts";
import { rfc3339 } from "../../key/time.ts";
import { json } from "../answer.ts";
import { askWebhook, logChange } from "../ask-webhook.ts";
import { operation } from "../operation.ts";
import { rotatedWebhook, webhookParams, webhookRotation } from "../schema/webhook.ts";
import { webhookJson } from "../webhook-json.ts";

export const rotateWebhookSecret = operation({
  method: "POST",
  path: "/_rekey/v1/webhooks/{id}/rotate-secret",
  operationId: "rotateWebhookSecret",
  summary: "Replace the secret that signs messages. The old one signs beside it while the overlap lasts.",
  scope: "rekey:webhooks:write",
  heeds: ["idempotency-key"],
  params: webhookParams,
  body: webhookRotation,
  responses: { 200: { description: "The new secret, and until when the old one signs too.", schema: rotatedWebhook } },
  refusals: [],
  handle(call) {
    const { overlapSeconds } = call.body;
    const { idempotency, requestId } = call;
    return askWebhook(
      call,
      call.params.id,
      (object, ask) => object.rotateSecret({ ...ask, overlapSeconds, idempotency }),
      (answer) => {
        if (!answer.done) return problem(answer.because, { requestId });
        logChange(call, "given another secret", call.params.id);
        const { secret, validUntil } = answer;
        const retired = { validUntil: rfc3339(validUntil) };
        return json(call, 200, { secret, webhook: webhookJson(answer.webhook), retired });
      },
    );
  },
});

import { problem } from "../../http/problem.ts";
import { sees } from "../../key/authority.ts";
import type { Idempotency } from "../../key/receipt.ts";
import { newWebhookId, webhookIdFrom, type WebhookId } from "../../webhook/id.ts";
import { json } from "../answer.ts";
import { undecided } from "../ask.ts";
import { logChange, questionWebhook } from "../ask-webhook.ts";
import { authorityOf, onlyOwnerOf } from "../authority.ts";
import { operation } from "../operation.ts";
import { issuedWebhook, webhookBody } from "../schema/webhook.ts";
import { webhookJson } from "../webhook-json.ts";
import { refuseTarget } from "../webhook-target.ts";

export const createWebhook = operation({
  method: "POST",
  path: "/_rekey/v1/webhooks",
  operationId: "createWebhook",
  summary: "Be told of events from now on, by signed messages. The secret that signs them is in this answer only.",
  scope: "rekey:webhooks:write",
  heeds: ["idempotency-key"],
  body: webhookBody,
  responses: { 201: { description: "The webhook, and its secret.", schema: issuedWebhook } },
  refusals: ["forbidden", "conflict", "ledger-unavailable"],
  async handle(call) {
    const { env, config, requestId, idempotency } = call;
    const { url, events, description } = call.body;
    const only = onlyOwnerOf(call);
    const owner = call.body.owner ?? only;
    if (!sees(authorityOf(call), owner)) {
      return problem("forbidden", { requestId, detail: "This control key is told of its own owner's keys only." });
    }
    const refusal = await refuseTarget(call, url);
    if (refusal !== null) return refusal;

    const id = idOf(idempotency);
    const asked = await questionWebhook(env, id, config.decisionTimeoutMs, (webhook) =>
      webhook.create({ id, owner, url, events, description, idempotency }),
    );
    if (!asked.answered) return undecided(call);
    const { answer } = asked;
    if (!answer.done) {
      return answer.because === "too-many"
        ? problem("conflict", {
            requestId,
            detail: "This owner has as many webhooks as it may have. Delete one first.",
          })
        : problem(answer.because, { requestId });
    }
    logChange(call, "created", id);
    const issued = { secret: answer.secret, webhook: webhookJson(answer.webhook) };
    return json(call, 201, issued, { location: `/_rekey/v1/webhooks/${id}` });
  },
});

/** A create that is repeated meets the object of its first attempt: its id is made of who asks and the header. */
const idOf = (idempotency: Idempotency | null): WebhookId =>
  idempotency === null
    ? newWebhookId((bytes) => crypto.getRandomValues(bytes))
    : webhookIdFrom(`${idempotency.actor}\n${idempotency.header}`);

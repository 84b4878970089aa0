import type { Env } from "./env.ts";
import { errandOf } from "./webhook-object/errand.ts";
import type { WebhookRpc } from "./webhook-object/rpc.ts";

/** When an errand comes again that could not be done now, in seconds. */
const AGAIN_SECONDS = 10;

/**
 * Does the errands of a batch side by side: calls each endpoint's object for its attempt. When a message is tried again
 * is the object's to say, so an attempt that failed is an errand done. Only where no attempt was made does the errand
 * come again; if the queue gives it up, the object misses it and hands it over anew.
 */
export async function doErrands(batch: MessageBatch, env: Env): Promise<void> {
  await Promise.all(batch.messages.map((message) => doErrand(message, env)));
}

async function doErrand(message: Message, env: Env): Promise<void> {
  const errand = errandOf(message.body);
  if (errand === null) {
    console.warn({ message: "a queue brought what is no errand of a webhook", id: message.id });
    return message.ack();
  }
  try {
    const webhook = env.WEBHOOKS.getByName(errand.webhookId) as unknown as WebhookRpc;
    const outcome = await webhook.attempt(errand);
    if (outcome !== "busy") return message.ack();
  } catch (cause) {
    console.warn({ message: "a webhook could not be called for an attempt", ...errand, cause: String(cause) });
  }
  message.retry({ delaySeconds: AGAIN_SECONDS });
}

import type { Env } from "../env.ts";
import { inTime, type Asked } from "../http/in-time.ts";
import type { Reached } from "../key-object/rpc.ts";
import type { WebhookId } from "../webhook/id.ts";
import type { WebhookAsk, WebhookRpc } from "../webhook-object/rpc.ts";
import { notFound } from "./answer.ts";
import { undecided } from "./ask.ts";
import { actorOf, authorityOf } from "./authority.ts";
import type { Surroundings } from "./operation.ts";

/** Asks a webhook's object one question, once, and waits at most so long for the answer. */
export const questionWebhook = <Answer>(
  env: Env,
  id: WebhookId,
  timeoutMs: number,
  question: (webhook: WebhookRpc) => Promise<Answer>,
): Promise<Asked<Answer>> =>
  inTime(question(env.WEBHOOKS.getByName(id) as unknown as WebhookRpc), timeoutMs, (cause) => {
    console.error({ message: "a webhook's object did not answer", webhookId: id, cause: String(cause) });
  });

/** Asks a webhook's object and makes a response of its answer: 404 where there is none for the one who asks. */
export async function askWebhook<Answer extends Reached<object>>(
  call: Surroundings,
  id: WebhookId,
  question: (webhook: WebhookRpc, ask: WebhookAsk) => Promise<Answer>,
  respond: (answer: Extract<Answer, { readonly reached: true }>) => Response,
): Promise<Response> {
  const { env, config } = call;
  const ask = { authority: authorityOf(call) };
  const asked = await questionWebhook(env, id, config.decisionTimeoutMs, (webhook) => question(webhook, ask));
  if (!asked.answered) return undecided(call);
  const { answer } = asked;
  return answer.reached ? respond(answer as Extract<Answer, { readonly reached: true }>) : notFound(call);
}

/** A change of a webhook is no event of a key: who made it stands in the log. Never with its URL, which may be a secret. */
export const logChange = (call: Surroundings, what: string, webhookId: string): void =>
  console.log({
    message: `a webhook was ${what}`,
    webhookId,
    actor: actorOf(authorityOf(call)),
    requestId: call.requestId,
  });

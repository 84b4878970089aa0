import type { Env } from "../env.ts";
import { removeWebhook, webhooksToWake } from "../ledger/webhooks.ts";
import type { WebhookRpc } from "./rpc.ts";

/**
 * Wakes the endpoints that may have something to read, at most `most` of them. Never throws: an endpoint that is not
 * woken now is woken by the next event, or looks by itself.
 *
 * @param since epoch milliseconds from which on events have arrived that they may not have seen.
 */
export async function wakeWebhooks(env: Env, since: number, most: number): Promise<void> {
  try {
    const ids = await webhooksToWake(env.DB, since, most);
    const woken = await Promise.allSettled(ids.map((id) => wake(env, id)));
    const failures = woken.filter(({ status }) => status === "rejected").length;
    if (failures > 0) console.warn({ message: "webhooks could not be woken", failures });
  } catch (cause) {
    console.warn({ message: "webhooks could not be looked up", cause: String(cause) });
  }
}

async function wake(env: Env, id: string): Promise<void> {
  const webhook = env.WEBHOOKS.getByName(id) as unknown as WebhookRpc;
  // A row that outlived its endpoint: the ledger was down, or was restored from before.
  if (!(await webhook.wake())) await removeWebhook(env.DB, id);
}

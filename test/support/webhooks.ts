import { env } from "cloudflare:workers";
import type { DeliveryJson, WebhookJson } from "../../src/control/schema/webhook.ts";
import { control, told } from "./control.ts";

export const HOOKS = "/_rekey/v1/webhooks";
/** Where a webhook of a test leads, unless it is said otherwise. */
export const URL_OF = "https://hooks.example.com/rekey";

/** A webhook, and the object that is its own. */
export type Hook = { readonly id: string; readonly secret: string; readonly stub: DurableObjectStub };

export async function hook(body: object = {}): Promise<Hook> {
  const call = { body: { url: URL_OF, ...body } };
  const { webhook, secret } = await told<{ webhook: WebhookJson; secret: string }>(control("POST", HOOKS, call), 201);
  return { id: webhook.id, secret, stub: env.WEBHOOKS.getByName(webhook.id) };
}

export const read = ({ id }: Hook): Promise<WebhookJson> => told(control("GET", `${HOOKS}/${id}`));
export const deliveries = async ({ id }: Hook, query = ""): Promise<DeliveryJson[]> =>
  (await told<{ items: DeliveryJson[] }>(control("GET", `${HOOKS}/${id}/deliveries${query}`))).items;

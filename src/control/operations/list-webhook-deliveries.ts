import * as z from "zod/mini";
import { epochMs, rfc3339 } from "../../key/time.ts";
import { isMessageId } from "../../webhook/id.ts";
import { DELIVERY_STATES, type DeliveryPlace } from "../../webhook-object/rpc.ts";
import { json } from "../answer.ts";
import { askWebhook } from "../ask-webhook.ts";
import { operation } from "../operation.ts";
import { cursorOf, cursorParameter, limitParameter, pageOf } from "../page.ts";
import { delivery, webhookParams } from "../schema/webhook.ts";
import { deliveryJson } from "../webhook-json.ts";

export const listWebhookDeliveries = operation({
  method: "GET",
  path: "/_rekey/v1/webhooks/{id}/deliveries",
  operationId: "listWebhookDeliveries",
  summary: "Messages to a webhook, newest first: which arrived, which wait, which were given up.",
  scope: "rekey:webhooks:write",
  params: webhookParams,
  query: z.lazy(() =>
    z.strictObject({
      state: z.optional(z.enum(DELIVERY_STATES)),
      cursor: cursorParameter(readPlace),
      limit: limitParameter,
    }),
  ),
  responses: {
    200: {
      description: "A page. What arrived is kept for 7 days, what was given up for 30, the newest 1,000 of each.",
      schema: pageOf(delivery),
    },
  },
  refusals: [],
  handle(call) {
    const { state, cursor, limit } = call.query;
    return askWebhook(
      call,
      call.params.id,
      // One more than asked for tells whether there is a next page.
      (object, ask) => object.deliveries({ ...ask, state: state ?? null, after: cursor ?? null, limit: limit + 1 }),
      ({ deliveries }) => {
        const items = deliveries.slice(0, limit);
        const last = items.at(-1);
        const nextCursor =
          deliveries.length > limit && last !== undefined ? cursorOf(`${last.createdAt}.${last.id}`) : null;
        return json(call, 200, { items: items.map(deliveryJson), nextCursor, asOf: rfc3339(epochMs(Date.now())) });
      },
    );
  },
});

function readPlace(text: string): DeliveryPlace | null {
  const [createdAt, id, ...rest] = text.split(".");
  if (createdAt === undefined || id === undefined || rest.length > 0) return null;
  return /^[0-9]{1,15}$/.test(createdAt) && isMessageId(id) ? { createdAt: Number(createdAt), id } : null;
}

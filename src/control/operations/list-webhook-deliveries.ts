import * as z from "zod/mini";
import { epochMs, rfc3339 } from "../../key/time.ts";
import { isMessageId } from "../../webhook/id.ts";
import { DELIVERY_STATES } from "../../webhook-object/rpc.ts";
import { ageCursorParameter, agePlace } from "../age-cursor.ts";
import { json } from "../answer.ts";
import { askWebhook } from "../ask-webhook.ts";
import { operation } from "../operation.ts";
import { limitParameter, pageIn, pageOf, toFill } from "../page.ts";
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
      cursor: ageCursorParameter(isMessageId),
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
      (object, ask) => object.deliveries({ ...ask, state: state ?? null, after: cursor ?? null, limit: toFill(limit) }),
      ({ deliveries }) => {
        const { items, nextCursor } = pageIn(deliveries, limit, agePlace);
        return json(call, 200, { items: items.map(deliveryJson), nextCursor, asOf: rfc3339(epochMs(Date.now())) });
      },
    );
  },
});

import * as z from "zod/mini";
import { epochMs, rfc3339 } from "../../key/time.ts";
import { listWebhooks as listFromLedger } from "../../ledger/webhooks.ts";
import { isWebhookId } from "../../webhook/id.ts";
import { ageCursorParameter, agePlace } from "../age-cursor.ts";
import { json } from "../answer.ts";
import { ownerOfList } from "../authority.ts";
import { operation } from "../operation.ts";
import { emptyPage, limitParameter, pageIn, pageOf, toFill } from "../page.ts";
import { label } from "../schema/fields.ts";
import { listedWebhook } from "../schema/webhook.ts";
import { listedWebhookJson } from "../webhook-json.ts";

export const listWebhooks = operation({
  method: "GET",
  path: "/_rekey/v1/webhooks",
  operationId: "listWebhooks",
  summary: "List webhooks, newest first, from the ledger.",
  scope: "rekey:webhooks:write",
  query: z.lazy(() =>
    z.strictObject({
      owner: z.optional(label),
      cursor: ageCursorParameter(isWebhookId),
      limit: limitParameter,
    }),
  ),
  responses: { 200: { description: "A page of webhooks.", schema: pageOf(listedWebhook) } },
  refusals: ["ledger-unavailable"],
  async handle(call) {
    const { owner: wantedOwner, cursor, limit } = call.query;
    const now = epochMs(Date.now());
    const owner = ownerOfList(call, wantedOwner);
    if (owner === undefined) return json(call, 200, emptyPage(now));
    const page = { owner, after: cursor ?? null, limit: toFill(limit) };
    const webhooks = await listFromLedger(call.env.DB, page);
    const { items, nextCursor } = pageIn(webhooks, limit, agePlace);
    return json(call, 200, { items: items.map(listedWebhookJson), nextCursor, asOf: rfc3339(now) });
  },
});

import * as z from "zod/mini";
import { epochMs, rfc3339 } from "../../key/time.ts";
import { listWebhooks as listFromLedger, type WebhookPlace } from "../../ledger/webhooks.ts";
import { isWebhookId } from "../../webhook/id.ts";
import { json } from "../answer.ts";
import { onlyOwnerOf } from "../authority.ts";
import { operation } from "../operation.ts";
import { cursorOf, cursorParameter, emptyPage, limitParameter, pageOf } from "../page.ts";
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
      cursor: cursorParameter(readPlace),
      limit: limitParameter,
    }),
  ),
  responses: { 200: { description: "A page of webhooks.", schema: pageOf(listedWebhook) } },
  refusals: ["ledger-unavailable"],
  async handle(call) {
    const { owner, cursor, limit } = call.query;
    const now = epochMs(Date.now());
    const only = onlyOwnerOf(call);
    if (only !== null && owner !== undefined && owner !== only) return json(call, 200, emptyPage(now));
    // One more than asked for tells whether there is a next page.
    const page = { owner: owner ?? only, after: cursor ?? null, limit: limit + 1 };
    const webhooks = await listFromLedger(call.env.DB, page);
    const items = webhooks.slice(0, limit);
    const last = items.at(-1);
    const nextCursor = webhooks.length > limit && last !== undefined ? cursorOf(`${last.createdAt}.${last.id}`) : null;
    return json(call, 200, { items: items.map(listedWebhookJson), nextCursor, asOf: rfc3339(now) });
  },
});

function readPlace(text: string): WebhookPlace | null {
  const [createdAt, id, ...rest] = text.split(".");
  if (createdAt === undefined || id === undefined || rest.length > 0) return null;
  return /^[0-9]{1,15}$/.test(createdAt) && isWebhookId(id) ? { createdAt: Number(createdAt), id } : null;
}

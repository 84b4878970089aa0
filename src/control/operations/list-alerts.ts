import * as z from "zod/mini";
import { isKeyId } from "../../key/credential.ts";
import { ALERTS } from "../../key/suspicion-policy.ts";
import { epochMs, rfc3339 } from "../../key/time.ts";
import { listAlerts as listFromLedger, type AlertPlace } from "../../ledger/alerts.ts";
import { alertJson } from "../alert-json.ts";
import { json } from "../answer.ts";
import { onlyOwnerOf } from "../authority.ts";
import { operation } from "../operation.ts";
import { booleanParameter, cursorOf, cursorParameter, emptyPage, limitParameter, pageOf } from "../page.ts";
import { alert } from "../schema/alert.ts";
import { instant, keyId, label } from "../schema/fields.ts";

export const listAlerts = operation({
  method: "GET",
  path: "/_rekey/v1/alerts",
  operationId: "listAlerts",
  summary: "What was suspicious about the use of keys, newest first.",
  scope: "rekey:audit:read",
  query: z.lazy(() =>
    z.strictObject({
      owner: z.optional(label),
      keyId: z.optional(keyId),
      alert: z.optional(z.enum(ALERTS)),
      acknowledged: z.optional(booleanParameter),
      /** Inclusive. */
      from: z.optional(instant),
      /** Exclusive. */
      to: z.optional(instant),
      cursor: cursorParameter(readPlace),
      limit: limitParameter,
    }),
  ),
  responses: { 200: { description: "A page. The ledger may be a moment behind.", schema: pageOf(alert) } },
  refusals: ["ledger-unavailable"],
  async handle(call) {
    const { owner, from, to, cursor, limit, ...wanted } = call.query;
    const now = epochMs(Date.now());
    const only = onlyOwnerOf(call);
    if (only !== null && owner !== undefined && owner !== only) return json(call, 200, emptyPage(now));
    // One more than asked for tells whether there is a next page.
    const alerts = await listFromLedger(call.env.DB, {
      filter: {
        owner: owner ?? only,
        keyId: wanted.keyId ?? null,
        alert: wanted.alert ?? null,
        acknowledged: wanted.acknowledged ?? null,
        from: from === undefined ? null : Date.parse(from),
        to: to === undefined ? null : Date.parse(to),
      },
      after: cursor ?? null,
      limit: limit + 1,
    });
    const items = alerts.slice(0, limit);
    const last = items.at(-1);
    const nextCursor =
      alerts.length > limit && last !== undefined ? cursorOf(`${last.at}.${last.keyId}.${last.sequence}`) : null;
    return json(call, 200, { items: items.map(alertJson), nextCursor, asOf: rfc3339(now) });
  },
});

function readPlace(text: string): AlertPlace | null {
  const [at, key, sequence, ...rest] = text.split(".");
  if (at === undefined || key === undefined || sequence === undefined || rest.length > 0) return null;
  if (!/^[0-9]{1,15}$/.test(at) || !isKeyId(key) || !/^[1-9][0-9]{0,14}$/.test(sequence)) return null;
  return { at: Number(at), keyId: key, sequence: Number(sequence) };
}

import * as z from "zod/mini";
import { ALERTS } from "../../key/suspicion-policy.ts";
import { epochMs } from "../../key/time.ts";
import { listAlerts as listFromLedger } from "../../ledger/alerts.ts";
import { alertJson } from "../alert-json.ts";
import { json } from "../answer.ts";
import { ownerOfList } from "../authority.ts";
import { eventCursorParameter, eventPlace } from "../event-cursor.ts";
import { operation } from "../operation.ts";
import { asOfLedger, booleanParameter, emptyPage, limitParameter, pageIn, pageOf, toFill } from "../page.ts";
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
      cursor: eventCursorParameter(),
      limit: limitParameter,
    }),
  ),
  responses: { 200: { description: "A page. The ledger may be a moment behind.", schema: pageOf(alert) } },
  refusals: ["ledger-unavailable"],
  async handle(call) {
    const { owner: wantedOwner, from, to, cursor, limit, ...wanted } = call.query;
    const now = epochMs(Date.now());
    const owner = ownerOfList(call, wantedOwner);
    if (owner === undefined) return json(call, 200, emptyPage(now));
    const alerts = await listFromLedger(call.env.DB, {
      filter: {
        owner,
        keyId: wanted.keyId ?? null,
        alert: wanted.alert ?? null,
        acknowledged: wanted.acknowledged ?? null,
        from: from === undefined ? null : Date.parse(from),
        to: to === undefined ? null : Date.parse(to),
      },
      after: cursor ?? null,
      limit: toFill(limit),
    });
    const { items, nextCursor } = pageIn(alerts, limit, eventPlace);
    return json(call, 200, { items: items.map(alertJson), nextCursor, asOf: await asOfLedger(call.env.DB, now) });
  },
});

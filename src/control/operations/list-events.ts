import * as z from "zod/mini";
import { EVENT_TYPES } from "../../key/event.ts";
import { epochMs } from "../../key/time.ts";
import { listEvents as listFromLedger } from "../../ledger/events.ts";
import { json } from "../answer.ts";
import { ownerOfList } from "../authority.ts";
import { eventCursorParameter, eventPlace } from "../event-cursor.ts";
import { eventJson } from "../../http/event-json.ts";
import { operation } from "../operation.ts";
import { asOfLedger, emptyPage, limitParameter, pageIn, pageOf, toFill } from "../page.ts";
import { eventOfKey } from "../schema/event.ts";
import { instant, label } from "../schema/fields.ts";

export const listEvents = operation({
  method: "GET",
  path: "/_rekey/v1/events",
  operationId: "listEvents",
  summary: "What happened to all keys, newest first, from the ledger.",
  scope: "rekey:audit:read",
  query: z.lazy(() =>
    z.strictObject({
      owner: z.optional(label),
      type: z.optional(z.enum(EVENT_TYPES)),
      /** Inclusive. */
      from: z.optional(instant),
      /** Exclusive. */
      to: z.optional(instant),
      cursor: eventCursorParameter(),
      limit: limitParameter,
    }),
  ),
  responses: {
    200: {
      description: "A page. The ledger may be a moment behind; the history of one key comes from the key itself.",
      schema: pageOf(eventOfKey),
    },
  },
  refusals: ["ledger-unavailable"],
  async handle(call) {
    const { owner: wantedOwner, type, from, to, cursor, limit } = call.query;
    const now = epochMs(Date.now());
    const owner = ownerOfList(call, wantedOwner);
    if (owner === undefined) return json(call, 200, emptyPage(now));
    const events = await listFromLedger(call.env.DB, {
      filter: {
        owner,
        type: type ?? null,
        from: from === undefined ? null : Date.parse(from),
        to: to === undefined ? null : Date.parse(to),
      },
      after: cursor ?? null,
      limit: toFill(limit),
    });
    const { items, nextCursor } = pageIn(events, limit, eventPlace);
    const told = items.map((event) => ({ keyId: event.keyId, owner: event.owner, ...eventJson(event) }));
    return json(call, 200, { items: told, nextCursor, asOf: await asOfLedger(call.env.DB, now) });
  },
});

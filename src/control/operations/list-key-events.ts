import * as z from "zod/mini";
import type { KeyEvent } from "../../key/event.ts";
import { epochMs, rfc3339 } from "../../key/time.ts";
import { readEvents } from "../../ledger/events.ts";
import { json } from "../answer.ts";
import { askFor } from "../ask.ts";
import { authorityOf } from "../authority.ts";
import { eventJson } from "../../http/event-json.ts";
import { operation } from "../operation.ts";
import { cursorOf, cursorParameter, limitParameter, pageOf } from "../page.ts";
import { event } from "../schema/event.ts";
import { keyParams } from "../schema/params.ts";

export const listKeyEvents = operation({
  method: "GET",
  path: "/_rekey/v1/keys/{id}/events",
  operationId: "listKeyEvents",
  summary: "What happened to a key, newest first.",
  scope: "rekey:audit:read",
  params: keyParams,
  query: z.lazy(() => z.strictObject({ cursor: cursorParameter(readSequence), limit: limitParameter })),
  responses: { 200: { description: "A page of events.", schema: pageOf(event) } },
  refusals: ["ledger-unavailable"],
  handle(call) {
    const { cursor, limit } = call.query;
    const before = cursor ?? null;
    return askFor(
      call,
      call.params.id,
      (key) => key.events({ authority: authorityOf(call), before, limit }),
      async ({ events: held }, headers) => {
        // A page comes from one place: while the object holds events, the ledger may be down. Where its memory ends the
        // page is short, and the next one comes from the ledger.
        const events: readonly KeyEvent[] =
          held.length > 0 ? held : await readEvents(call.env.DB, call.params.id, { before, limit });
        const last = events.at(-1);
        // Sequences have no gaps, so the first event is the one with sequence 1.
        const nextCursor = last !== undefined && last.sequence > 1 ? cursorOf(String(last.sequence)) : null;
        const page = { items: events.map(eventJson), nextCursor, asOf: rfc3339(epochMs(Date.now())) };
        return json(call, 200, page, headers);
      },
    );
  },
});

function readSequence(text: string): number | null {
  return /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : null;
}

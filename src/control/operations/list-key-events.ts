import * as z from "zod/mini";
import type { KeyEvent } from "../../key/event.ts";
import { epochMs, rfc3339 } from "../../key/time.ts";
import { readEvents } from "../../ledger/events.ts";
import { json } from "../answer.ts";
import { askFor } from "../ask.ts";
import { authorityOf } from "../authority.ts";
import { eventJson } from "../event-json.ts";
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
  query: z.strictObject({ cursor: cursorParameter(readSequence), limit: limitParameter }),
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
        // The object forgets what it delivered long ago; what is missing at the end of its part is in the ledger.
        const next = held.at(-1)?.sequence ?? before;
        const older =
          held.length < limit && next !== null && next > 1
            ? await readEvents(call.env.DB, call.params.id, { before: next, limit: limit - held.length })
            : [];
        const events: readonly KeyEvent[] = [...held, ...older];
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

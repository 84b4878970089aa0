import * as z from "zod/mini";
import { isKeyId } from "../../key/credential.ts";
import { BOUNDS, ENVIRONMENTS } from "../../key/policy.ts";
import { epochMs } from "../../key/time.ts";
import { listKeys as listFromLedger } from "../../ledger/keys.ts";
import { ageCursorParameter, agePlace } from "../age-cursor.ts";
import { json } from "../answer.ts";
import { ownerOfList } from "../authority.ts";
import { operation } from "../operation.ts";
import { asOfLedger, booleanParameter, emptyPage, limitParameter, pageIn, pageOf, toFill } from "../page.ts";
import { listedKeyJson } from "../record-json.ts";
import { label, text } from "../schema/fields.ts";
import { KEY_STATUSES, listedKey } from "../schema/record.ts";

const query = z.lazy(() =>
  z.strictObject({
    owner: z.optional(label),
    status: z.optional(z.enum(KEY_STATUSES)),
    environment: z.optional(z.enum(ENVIRONMENTS)),
    pepper: z.optional(z.string().check(z.regex(/^[0-9A-Za-z]$/, "must be the id of a pepper: one letter or digit"))),
    /** Whether somebody has set their end later than their lifetime allows. */
    beyondLifetime: z.optional(booleanParameter),
    /** How the name begins, in any case; or a whole id. */
    search: z.optional(text(BOUNDS.nameLength)),
    cursor: ageCursorParameter(isKeyId),
    limit: limitParameter,
  }),
);

export const listKeys = operation({
  method: "GET",
  path: "/_rekey/v1/keys",
  operationId: "listKeys",
  summary: "List keys, newest first, from the ledger.",
  scope: "rekey:keys:read",
  query,
  responses: {
    200: {
      description: "A page. The ledger may be a moment behind the keys themselves, and knows no counters.",
      schema: pageOf(listedKey),
    },
  },
  refusals: ["ledger-unavailable"],
  async handle(call) {
    const { owner: wantedOwner, status, environment, pepper, beyondLifetime, search, cursor, limit } = call.query;
    const now = epochMs(Date.now());
    const owner = ownerOfList(call, wantedOwner);
    if (owner === undefined) return json(call, 200, emptyPage(now));
    const keys = await listFromLedger(call.env.DB, {
      filter: {
        owner,
        status: status ?? null,
        environment: environment ?? null,
        pepper: pepper ?? null,
        beyondLifetime: beyondLifetime ?? null,
        search: search ?? null,
      },
      after: cursor ?? null,
      limit: toFill(limit),
      now,
    });
    const { items, nextCursor } = pageIn(keys, limit, agePlace);
    const asOf = await asOfLedger(call.env.DB, now);
    return json(call, 200, { items: items.map(listedKeyJson), nextCursor, asOf });
  },
});

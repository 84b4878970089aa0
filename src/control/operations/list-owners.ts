import * as z from "zod/mini";
import { LABEL } from "../../key/policy.ts";
import { epochMs } from "../../key/time.ts";
import { listOwners as listFromLedger } from "../../ledger/owners.ts";
import { json } from "../answer.ts";
import { onlyOwnerOf } from "../authority.ts";
import { operation } from "../operation.ts";
import { asOfLedger, cursorParameter, limitParameter, pageIn, pageOf, toFill } from "../page.ts";
import { listedOwner } from "../schema/owner.ts";

export const listOwners = operation({
  method: "GET",
  path: "/_rekey/v1/owners",
  operationId: "listOwners",
  summary: "List the owners of keys by name, from the ledger.",
  scope: "rekey:keys:revoke",
  query: z.lazy(() =>
    z.strictObject({
      cursor: cursorParameter((name) => (LABEL.test(name) ? name : null)),
      limit: limitParameter,
    }),
  ),
  responses: { 200: { description: "A page of owners.", schema: pageOf(listedOwner) } },
  refusals: ["ledger-unavailable"],
  async handle(call) {
    const { cursor, limit } = call.query;
    const now = epochMs(Date.now());
    const page = { after: cursor ?? null, only: onlyOwnerOf(call), limit: toFill(limit) };
    const owners = await listFromLedger(call.env.DB, page);
    const { items, nextCursor } = pageIn(owners, limit, ({ owner }) => owner);
    const listed = items.map(({ owner, standing, keys }) => ({ owner, status: standing, keys }));
    return json(call, 200, { items: listed, nextCursor, asOf: await asOfLedger(call.env.DB, now) });
  },
});

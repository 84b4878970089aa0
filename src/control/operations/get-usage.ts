import * as z from "zod/mini";
import { ownerOfList } from "../authority.ts";
import { operation } from "../operation.ts";
import { cursorParameter, limitParameter, pageOf } from "../page.ts";
import { label } from "../schema/fields.ts";
import { usage, usageQuery } from "../schema/usage.ts";
import { readStart, usageAnswer } from "../usage.ts";

export const getUsage = operation({
  method: "GET",
  path: "/_rekey/v1/usage",
  operationId: "getUsage",
  summary: "What all keys together were used for, or those of an owner, by the hour or day, oldest first.",
  scope: "rekey:audit:read",
  query: z.lazy(() =>
    z.strictObject({
      owner: z.optional(label),
      ...usageQuery(),
      cursor: cursorParameter(readStart),
      limit: limitParameter,
    }),
  ),
  responses: {
    200: {
      description: "A page of the hours or days that saw any use. Whoever accepts text/csv gets all of them at once.",
      schema: pageOf(usage),
      csv: true,
    },
  },
  refusals: ["ledger-unavailable"],
  async handle(call) {
    const owner = ownerOfList(call, call.query.owner);
    return usageAnswer(call, owner === undefined ? null : { keyId: null, owner }, call.query);
  },
});

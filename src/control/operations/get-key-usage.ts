import * as z from "zod/mini";
import { askFor } from "../ask.ts";
import { authorityOf } from "../authority.ts";
import { operation } from "../operation.ts";
import { cursorParameter, limitParameter, pageOf } from "../page.ts";
import { keyParams } from "../schema/params.ts";
import { usage, usageQuery } from "../schema/usage.ts";
import { readStart, usageAnswer } from "../usage.ts";

export const getKeyUsage = operation({
  method: "GET",
  path: "/_rekey/v1/keys/{id}/usage",
  operationId: "getKeyUsage",
  summary: "What a key was used for, by the hour or day, oldest first, from the ledger.",
  scope: "rekey:audit:read",
  params: keyParams,
  query: z.lazy(() => z.strictObject({ ...usageQuery(), cursor: cursorParameter(readStart), limit: limitParameter })),
  responses: {
    200: {
      description: "A page of the hours or days that saw any use. Whoever accepts text/csv gets all of them at once.",
      schema: pageOf(usage),
      csv: true,
    },
  },
  refusals: ["ledger-unavailable"],
  handle(call) {
    const { id } = call.params;
    // The key says whether it exists for the one who asks.
    return askFor(
      call,
      id,
      (key) => key.read({ authority: authorityOf(call) }),
      (_answer, headers) => usageAnswer(call, { keyId: id, owner: null }, call.query, headers),
    );
  },
});

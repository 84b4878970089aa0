import { recordAnswer } from "../answer.ts";
import { askFor } from "../ask.ts";
import { authorityOf } from "../authority.ts";
import { operation } from "../operation.ts";
import { keyParams } from "../schema/params.ts";
import { keyRecord } from "../schema/record.ts";

export const getKey = operation({
  method: "GET",
  path: "/_rekey/v1/keys/{id}",
  operationId: "getKey",
  summary: "Read a key as it is now, from its own object. Spends nothing.",
  scope: "rekey:keys:read",
  params: keyParams,
  responses: { 200: { description: "The key. `ETag` is its revision.", schema: keyRecord } },
  refusals: [],
  handle: (call) =>
    askFor(
      call,
      call.params.id,
      (key) => key.read({ authority: authorityOf(call) }),
      ({ record }, headers) => recordAnswer(call, record, headers),
    ),
});

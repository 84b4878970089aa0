import { changeStanding } from "../change-standing.ts";
import { operation } from "../operation.ts";
import { keyParams } from "../schema/params.ts";
import { reasonBody } from "../schema/reason.ts";
import { keyRecord } from "../schema/record.ts";

export const revokeKey = operation({
  method: "POST",
  path: "/_rekey/v1/keys/{id}/revoke",
  operationId: "revokeKey",
  summary: "End a key for good. Asking again changes nothing.",
  scope: "rekey:keys:revoke",
  params: keyParams,
  body: reasonBody,
  responses: { 200: { description: "The key is revoked.", schema: keyRecord } },
  refusals: [],
  handle: (call) => changeStanding(call, (key, ask) => key.revoke(ask)),
});

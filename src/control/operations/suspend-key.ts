import { changeStanding } from "../change-standing.ts";
import { operation } from "../operation.ts";
import { keyParams } from "../schema/params.ts";
import { reasonBody } from "../schema/reason.ts";
import { keyRecord } from "../schema/record.ts";

export const suspendKey = operation({
  method: "POST",
  path: "/_rekey/v1/keys/{id}/suspend",
  operationId: "suspendKey",
  summary: "Stop a key until it is resumed.",
  scope: "rekey:keys:revoke",
  params: keyParams,
  body: reasonBody,
  responses: { 200: { description: "The key is suspended.", schema: keyRecord } },
  refusals: ["key-revoked"],
  handle: (call) => changeStanding(call, (key, ask) => key.suspend(ask)),
});

import { changeStanding } from "../change-standing.ts";
import { operation } from "../operation.ts";
import { keyParams } from "../schema/params.ts";
import { reasonBody } from "../schema/reason.ts";
import { keyRecord } from "../schema/record.ts";

export const resumeKey = operation({
  method: "POST",
  path: "/_rekey/v1/keys/{id}/resume",
  operationId: "resumeKey",
  summary: "Let a suspended key be used again.",
  scope: "rekey:keys:revoke",
  params: keyParams,
  body: reasonBody,
  responses: { 200: { description: "The key is not suspended.", schema: keyRecord } },
  refusals: ["key-revoked"],
  handle: (call) => changeStanding(call, (key, ask) => key.resume(ask)),
});

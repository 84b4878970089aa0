import { decideOwner, ownerResponses } from "../decide-owner.ts";
import { operation } from "../operation.ts";
import { ownerParams } from "../schema/owner.ts";
import { reasonBody } from "../schema/reason.ts";

export const resumeOwner = operation({
  method: "POST",
  path: "/_rekey/v1/owners/{owner}/resume",
  operationId: "resumeOwner",
  summary: "Let the keys of a suspended owner be used again. A key that was suspended by itself stays so.",
  scope: "rekey:keys:revoke",
  params: ownerParams,
  body: reasonBody,
  responses: ownerResponses,
  refusals: ["owner-revoked"],
  handle: (call) => decideOwner(call, "active"),
});

import { decideOwner, ownerResponses } from "../decide-owner.ts";
import { operation } from "../operation.ts";
import { ownerParams } from "../schema/owner.ts";
import { reasonBody } from "../schema/reason.ts";

export const revokeOwner = operation({
  method: "POST",
  path: "/_rekey/v1/owners/{owner}/revoke",
  operationId: "revokeOwner",
  summary: "End every key of an owner for good, those included that are being created. No key is created for it again.",
  scope: "rekey:keys:revoke",
  params: ownerParams,
  body: reasonBody,
  responses: ownerResponses,
  refusals: [],
  handle: (call) => decideOwner(call, "revoked"),
});

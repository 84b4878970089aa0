import { decideOwner, ownerResponses } from "../decide-owner.ts";
import { operation } from "../operation.ts";
import { ownerParams } from "../schema/owner.ts";
import { reasonBody } from "../schema/reason.ts";

export const suspendOwner = operation({
  method: "POST",
  path: "/_rekey/v1/owners/{owner}/suspend",
  operationId: "suspendOwner",
  summary: "Stop every key of an owner until the owner is resumed. Each key keeps its own standing beside it.",
  scope: "rekey:keys:revoke",
  params: ownerParams,
  body: reasonBody,
  responses: ownerResponses,
  refusals: ["owner-revoked"],
  handle: (call) => decideOwner(call, "suspended"),
});

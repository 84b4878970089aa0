import { recordAnswer } from "../answer.ts";
import { operation } from "../operation.ts";
import { reasonBody } from "../schema/reason.ts";
import { keyRecord } from "../schema/record.ts";
import { askSelf, causeOf } from "../self.ts";

export const revokeSelf = operation({
  method: "POST",
  path: "/_rekey/v1/self/revoke",
  operationId: "revokeSelf",
  summary: "End the key that this call is made with, for good: from anywhere, in any standing.",
  scope: "self",
  everyHost: true,
  body: reasonBody,
  responses: { 200: { description: "The key is revoked.", schema: keyRecord } },
  refusals: ["key-rotated", "rate-limited"],
  handle: (call) =>
    askSelf(
      call,
      (key, { presented }) => key.revokeSelf({ presented, ...causeOf(call, call.body.reason) }),
      ({ record }, headers) => recordAnswer(call, record, headers),
    ),
});

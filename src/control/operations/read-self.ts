import { recordAnswer } from "../answer.ts";
import { operation } from "../operation.ts";
import { keyRecord } from "../schema/record.ts";
import { askSelf } from "../self.ts";

export const readSelf = operation({
  method: "GET",
  path: "/_rekey/v1/self",
  operationId: "readSelf",
  summary: "Read the key that this call is made with. Spends nothing.",
  scope: "self",
  everyHost: true,
  responses: { 200: { description: "The key. `ETag` is its revision.", schema: keyRecord } },
  refusals: [
    "key-rotated",
    "key-revoked",
    "key-suspended",
    "owner-suspended",
    "key-expired",
    "ip-not-allowed",
    "rate-limited",
  ],
  handle: (call) =>
    askSelf(
      call,
      (key, presented) => key.readSelf(presented),
      ({ record }, headers) => recordAnswer(call, record, headers),
    ),
});

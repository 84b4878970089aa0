import { operation } from "../operation.ts";
import { rotated, rotatedAnswer } from "../rotated-json.ts";
import { reasonBody } from "../schema/reason.ts";
import { askSelf, causeOf } from "../self.ts";

export const rotateSelf = operation({
  method: "POST",
  path: "/_rekey/v1/self/rotate",
  operationId: "rotateSelf",
  summary: "Replace the secret that this call is made with. Of two callers with the same secret one wins.",
  scope: "self",
  everyHost: true,
  heeds: ["idempotency-key"],
  // No grace: how long a replaced secret lives on is not for whoever holds it to say.
  body: reasonBody,
  responses: { 200: rotated },
  refusals: [
    "key-rotated",
    "key-revoked",
    "key-suspended",
    "owner-suspended",
    "key-expired",
    "ip-not-allowed",
    "forbidden",
    "rate-limited",
  ],
  handle(call) {
    const { idempotency } = call;
    return askSelf(
      call,
      (key, presented) => key.rotateSelf({ ...presented, idempotency, ...causeOf(call, call.body.reason) }),
      (answer, headers) => rotatedAnswer(call, answer, headers),
    );
  },
});

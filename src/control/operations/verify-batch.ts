import { json } from "../answer.ts";
import { operation } from "../operation.ts";
import { verifyAnswers, verifyQuestions } from "../schema/batch.ts";
import type { VerifyAnswer } from "../schema/verify.ts";
import { verify } from "../verify.ts";

/** Many questions at once. Each is decided by its own key's object, by itself: one that is refused stops no other. */
export const verifyBatch = operation({
  method: "POST",
  path: "/_rekey/v1/verify/batch",
  operationId: "verifyBatch",
  summary: "Ask about up to 100 keys at once. The answers are in the order of the questions.",
  scope: "rekey:verify",
  body: verifyQuestions,
  responses: {
    200: {
      description: "A verdict for each question; `unavailable` where the key's object did not answer in time.",
      schema: verifyAnswers,
    },
  },
  refusals: [],
  async handle(call) {
    const { requestId } = call;
    const silent: VerifyAnswer = { valid: false, code: "unavailable", requestId, decision: null };
    const items = await Promise.all(call.body.items.map(async (question) => (await verify(call, question)) ?? silent));
    return json(call, 200, { items });
  },
});

import { decisionHeader, json } from "../answer.ts";
import { undecided } from "../ask.ts";
import { operation } from "../operation.ts";
import { verifyAnswer, verifyQuestion } from "../schema/verify.ts";
import { verify } from "../verify.ts";

/** The hot path of the control API: one question to one object, and nothing else outside the Worker. */
export const verifyKey = operation({
  method: "POST",
  path: "/_rekey/v1/verify",
  operationId: "verifyKey",
  summary: "Ask whether a key is to be let in now. A yes is counted, unless it is a dry run.",
  scope: "rekey:verify",
  body: verifyQuestion,
  responses: { 200: { description: "The verdict, whichever it is.", schema: verifyAnswer } },
  refusals: [],
  async handle(call) {
    const answer = await verify(call, call.body);
    return answer === null ? undecided(call) : json(call, 200, answer, decisionHeader(answer.decision));
  },
});

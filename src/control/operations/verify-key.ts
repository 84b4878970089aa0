import { askKey } from "../../http/ask-key.ts";
import { isTagged, parseCredential } from "../../key/credential.ts";
import { digestOf } from "../../key/digest.ts";
import { decisionHeader, json } from "../answer.ts";
import { undecided } from "../ask.ts";
import { operation } from "../operation.ts";
import { verifyAnswer, verifyQuestion } from "../schema/verify.ts";
import { invalidKey, verifyAnswerOf } from "../verify-answer.ts";

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
    const { key: text, cost, scopes, anyScope, ip, dryRun } = call.body;
    const credential = parseCredential(text);
    if (credential === null || !isTagged(credential, call.config.peppers)) {
      return json(call, 200, invalidKey(call.requestId));
    }
    const asked = await askKey(call.env, call.config, credential.keyId, (key) =>
      key.admit({ presented: digestOf(text), cost, scopes, anyScope, ip, dryRun }),
    );
    if (!asked.answered) return undecided(call);
    const answer = verifyAnswerOf(asked.answer, call.requestId);
    return json(call, 200, answer, decisionHeader(answer.decision));
  },
});

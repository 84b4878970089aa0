import type { Config } from "../env.ts";
import { carriesCredential } from "../http/credential-in-url.ts";
import { decide } from "../http/decide.ts";
import { isTagged, parseCredential } from "../key/credential.ts";
import { digestOf } from "../key/digest.ts";
import { authorityOf, onlyOwnerOf } from "./authority.ts";
import type { Surroundings } from "./operation.ts";
import type { VerifyAnswer, VerifyQuestion } from "./schema/verify.ts";
import { invalidKey, verifyAnswerOf } from "./verify-answer.ts";

/** Asks one key's object whether it admits a request now; `null` when it says nothing in time. Junk asks nobody. */
export async function verify(
  call: Pick<Surroundings, "env" | "config" | "requestId" | "authority">,
  question: VerifyQuestion,
): Promise<VerifyAnswer | null> {
  const { env, config, requestId } = call;
  const { key: text, reserve, scopes, anyScope, ip, request, dryRun } = question;
  const cost = reserve ?? question.cost ?? 1;
  const credential = parseCredential(text);
  if (credential === null || !isTagged(credential, config.peppers)) return invalidKey(requestId);

  const onlyOwner = onlyOwnerOf(call);
  const asked = await decide(env, config, credential.keyId, {
    presented: digestOf(text),
    cost,
    reserve: reserve !== undefined,
    scopes,
    anyScope,
    ip,
    requestId,
    // A path is not one of few, so it is no name for a route.
    call: { method: request?.method ?? null, path: pathOf(request, config), route: null, country: null },
    dryRun,
    // What the counters held is for those who set them.
    explain: question.explain && authorityOf(call).kind === "admin",
    ...(onlyOwner !== null && { onlyOwner }),
  });
  return asked.answered ? verifyAnswerOf(asked.answer, requestId) : null;
}

/**
 * The path as it may be kept as a sample of what was refused. What the gateway refuses for a credential in it is a
 * question here like any other, and escapes would hide the credential from whoever takes it out later.
 */
const pathOf = (request: VerifyQuestion["request"], config: Config): string | null => {
  if (request === undefined) return null;
  return carriesCredential(request.path, config) ? "[redacted]" : request.path;
};

import { askKey } from "../http/ask-key.ts";
import { countryOf } from "../http/country.ts";
import { problem } from "../http/problem.ts";
import type { Ask, Decided, KeyRpc, Reached } from "../key-object/rpc.ts";
import { redact, type KeyId } from "../key/credential.ts";
import type { By } from "../key/event.ts";
import { decisionHeader, notFound } from "./answer.ts";
import { actorOf, authorityOf } from "./authority.ts";
import type { Surroundings } from "./operation.ts";

/**
 * Asks a key's object and makes a response of its answer. Silence is 503; a key that does not exist, or not for the
 * one who asks, is 404; one that is stronger than the one who asks is 403.
 */
export async function askFor<Answer extends Decided<Reached<object>>>(
  call: Surroundings,
  keyId: KeyId,
  question: (key: KeyRpc) => Promise<Answer>,
  respond: (
    answer: Extract<Answer, { readonly reached: true }>,
    headers: Readonly<Record<string, string>>,
  ) => Response | Promise<Response>,
): Promise<Response> {
  const asked = await askKey(call.env, call.config, keyId, question);
  if (!asked.answered) return undecided(call);
  const { answer } = asked;
  const headers = decisionHeader(answer.decision);
  if (answer.reached) return respond(answer as Extract<Answer, { readonly reached: true }>, headers);
  // Without a sign that an object decided: a key that does not exist for the one who asks is like one that nobody has.
  if (answer.because === "not-found") return notFound(call);
  const { detail } = answer as { readonly detail?: string };
  return problem("forbidden", { requestId: call.requestId, headers, ...(detail !== undefined && { detail }) });
}

/** The key's object said nothing in time. Whether a change was made is not known, and the caller is not told otherwise. */
export const undecided = ({ requestId }: Pick<Surroundings, "requestId">): Response =>
  problem("unavailable", {
    requestId,
    detail:
      "If this was a change, it may have been made. Repeat it with the same Idempotency-Key where one is heeded; otherwise read the record.",
  });

/** The longest user agent an event keeps, in characters. */
const USER_AGENT_LENGTH = 256;

/** Who asks, and from where, for the event that a change becomes. */
export function byOf({ request, requestId }: Pick<Surroundings, "request" | "requestId">, actor: string): By {
  const userAgent = request.headers.get("user-agent");
  return {
    actor,
    requestId,
    ip: request.headers.get("cf-connecting-ip"),
    userAgent: userAgent === null ? null : redact(userAgent).slice(0, USER_AGENT_LENGTH),
    country: countryOf(request),
  };
}

/** What every change on somebody's authority takes along. */
export function askOf(call: Surroundings, reason: string | null): Ask {
  const authority = authorityOf(call);
  return { authority, by: byOf(call, actorOf(authority)), reason: kept(reason) };
}

/** A reason tends to quote the credential it is about; an event must not keep that. */
export const kept = (reason: string | null): string | null => (reason === null ? null : redact(reason));

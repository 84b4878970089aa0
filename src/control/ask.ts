import { askKey } from "../http/ask-key.ts";
import { problem } from "../http/problem.ts";
import type { Ask, Decided, Found, KeyRpc } from "../key-object/rpc.ts";
import { redact, type KeyId } from "../key/credential.ts";
import type { By } from "../key/event.ts";
import { decisionHeader, notFound } from "./answer.ts";
import type { Authority } from "./authority.ts";
import type { Surroundings } from "./operation.ts";

/** Asks a key's object and makes a response of its answer. Silence is 503, an id without a key is 404. */
export async function askFor<Answer extends object>(
  call: Surroundings,
  keyId: KeyId,
  question: (key: KeyRpc) => Promise<Decided<Found<Answer>>>,
  respond: (answer: Decided<Answer>, headers: Readonly<Record<string, string>>) => Response | Promise<Response>,
): Promise<Response> {
  const asked = await askKey(call.env, call.config, keyId, question);
  if (!asked.answered) return undecided(call);
  const headers = decisionHeader(asked.answer.decision);
  return asked.answer.found ? respond(asked.answer, headers) : notFound(call, headers);
}

/** The key's object said nothing in time. Whether a change was made is not known, and the caller is not told otherwise. */
export const undecided = ({ requestId }: Surroundings): Response =>
  problem("unavailable", { requestId, detail: "If this was a change, read the record to see whether it was made." });

/** The longest user agent an event keeps, in characters. */
const USER_AGENT_LENGTH = 256;

/** Who asks, and from where, for the event that a change becomes. */
export function byOf({ request, requestId, authority }: Surroundings): By {
  const country = (request as Request<unknown, IncomingRequestCfProperties>).cf?.country;
  const userAgent = request.headers.get("user-agent");
  return {
    actor: actorOf(authority),
    requestId,
    ip: request.headers.get("cf-connecting-ip"),
    userAgent: userAgent === null ? null : redact(userAgent).slice(0, USER_AGENT_LENGTH),
    country: country ?? null,
  };
}

/** What every change takes along. A reason tends to quote the credential it is about; an event must not keep that. */
export const becauseOf = (call: Surroundings, reason: string | null): Ask => ({
  by: byOf(call),
  reason: reason === null ? null : redact(reason),
});

function actorOf(authority: Authority | null): string {
  if (authority === null) throw new Error("a change was asked for in nobody's name");
  return authority.actor;
}

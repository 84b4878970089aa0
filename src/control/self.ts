import { askKey } from "../http/ask-key.ts";
import { CODE_OF_REASON, type Code } from "../http/codes.ts";
import { problem } from "../http/problem.ts";
import type { Cause, Decided, KeyRpc } from "../key-object/rpc.ts";
import { digestOf, type Digest } from "../key/digest.ts";
import type { SelfRotation } from "../key/rotate.ts";
import { secondsUntil, epochMs } from "../key/time.ts";
import { decisionHeader } from "./answer.ts";
import { byOf, kept, undecided } from "./ask.ts";
import { holderOf } from "./holder.ts";
import type { Surroundings } from "./operation.ts";

type SelfRefusal = Extract<SelfRotation, { readonly done: false }>["refusal"];
type Answer = Decided<{ readonly done: true } | { readonly done: false; readonly refusal: SelfRefusal }>;

/** What the holder of a credential proves, and from where it is presented. */
export type Presented = { readonly presented: Digest; readonly ip: string | null };

/** Asks a key's object on the strength of its own secret and makes a response of the answer. */
export async function askSelf<Said extends Answer>(
  call: Surroundings,
  question: (key: KeyRpc, presented: Presented) => Promise<Said>,
  respond: (answer: Extract<Said, { readonly done: true }>, headers: Readonly<Record<string, string>>) => Response,
): Promise<Response> {
  const { env, config, request } = call;
  const { keyId, text } = holderOf(call);
  const presented: Presented = { presented: digestOf(text), ip: request.headers.get("cf-connecting-ip") };
  const asked = await askKey(env, config, keyId, (key) => question(key, presented));
  if (!asked.answered) return undecided(call);
  const { answer } = asked;
  const headers = decisionHeader(answer.decision);
  if (answer.done) return respond(answer as Extract<Said, { readonly done: true }>, headers);
  return refusal(call, answer.refusal, headers);
}

/** Who changes a key by its own secret: the key itself. */
export const causeOf = (call: Surroundings, reason: string | null): Cause => ({
  by: byOf(call, holderOf(call).keyId),
  reason: kept(reason),
});

/** What the holder of a key is told. A stranger gets what a forgery gets, without a sign that an object was asked. */
function refusal(
  { requestId }: Surroundings,
  refused: SelfRefusal,
  headers: Readonly<Record<string, string>>,
): Response {
  const code = CODE_OF_SELF_REFUSAL[refused.reason];
  if (code === "invalid-key") return problem(code, { requestId });
  if (refused.reason === "self-rotate-off") {
    return problem(code, { requestId, headers, detail: "This key may not rotate itself. Ask whoever issued it." });
  }
  if (!("retryAt" in refused) || refused.retryAt === null) return problem(code, { requestId, headers });
  const retryAfter = String(secondsUntil(refused.retryAt, epochMs(Date.now())));
  const members = "limit" in refused ? { limit: refused.limit } : {};
  return problem(code, { requestId, members, headers: { ...headers, "retry-after": retryAfter } });
}

const CODE_OF_SELF_REFUSAL = {
  ...CODE_OF_REASON,
  "self-rotate-off": "forbidden",
  "idempotency-mismatch": "idempotency-mismatch",
  "idempotency-expired": "idempotency-expired",
} as const satisfies Record<SelfRefusal["reason"], Code>;

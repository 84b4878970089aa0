import type { Verdict } from "../key/admit.ts";
import { QUOTA_NAME } from "../key/policy.ts";
import type { Refusal } from "../key/refusal.ts";
import { secondsUntil } from "../key/time.ts";
import { CODE_OF_REASON } from "./codes.ts";
import { setLimitHeaders } from "./limit-headers.ts";
import { problem } from "./problem.ts";

export type Refused = Extract<Verdict, { admitted: false }>;

/** What the request was and what it needed, as far as its refusal tells it. */
export type RefusalContext = {
  readonly requestId: string;
  /** The object's number for this decision. */
  readonly decision: string | null;
  /** The scopes that the request needed. */
  readonly scopes: readonly string[];
};

/**
 * A refusal by a key's object, as the caller may know it.
 *
 * Whoever did not prove possession of a secret gets exactly what a forgery gets, without so much as the sign that an
 * object was asked: the answer must not tell whether the key exists.
 */
export function refusalResponse(verdict: Refused, { requestId, decision, scopes }: RefusalContext): Response {
  const { refusal, identity, allowance, at } = verdict;
  const code = CODE_OF_REASON[refusal.reason];
  if (identity === null) return problem(code, { requestId });

  const limit = limitOf(refusal);
  const response = problem(code, { requestId, ...(limit !== null && { members: { limit } }) });
  const { headers } = response;
  if (decision !== null) headers.set("rekey-decision", decision);
  if (refusal.reason === "insufficient-scope") {
    // RFC 6750 section 3.1.
    headers.set("www-authenticate", `Bearer error="insufficient_scope", scope="${scopes.join(" ")}"`);
  }
  if ("retryAt" in refusal && refusal.retryAt !== null) {
    headers.set("retry-after", String(secondsUntil(refusal.retryAt, at)));
  }
  if (allowance !== null) setLimitHeaders(headers, allowance, at);
  return response;
}

/** The name of the limit that refused, if one did. */
function limitOf(refusal: Refusal): string | null {
  if (refusal.reason === "quota-exceeded") return QUOTA_NAME;
  return "limit" in refusal ? refusal.limit : null;
}

import { CODE_OF_REASON } from "../http/codes.ts";
import type { Decided } from "../key-object/rpc.ts";
import type { Verdict } from "../key/admit.ts";
import type { Allowance } from "../key/allowance.ts";
import type { Explanation } from "../key/explain.ts";
import type { Identity } from "../key/identity.ts";
import type { Refusal } from "../key/refusal.ts";
import { rfc3339, secondsUntil, type EpochMs } from "../key/time.ts";
import { quotaJson, rateLimitJson, timeJson } from "./record-json.ts";
import type { VerifyAnswer } from "./schema/verify.ts";

/** The one answer to whatever was never a valid key: it does not tell whether any key's object was even asked. */
export const invalidKey = (requestId: string): VerifyAnswer => ({
  valid: false,
  code: "invalid-key",
  requestId,
  decision: null,
});

/** A verdict as whoever asked for it may hear it. */
export function verifyAnswerOf(verdict: Decided<Verdict>, requestId: string): VerifyAnswer {
  const { decision, identity, allowance } = verdict;
  const code = verdict.admitted ? "valid" : CODE_OF_REASON[verdict.refusal.reason];
  const explanation = verdict.explanation && { explanation: explanationJson(verdict.explanation) };
  if (code === "invalid-key") return { ...invalidKey(requestId), ...explanation };
  return {
    valid: verdict.admitted,
    code,
    requestId,
    decision,
    ...(identity !== null && identityJson(identity)),
    ...(allowance !== null && allowanceJson(allowance)),
    ...(verdict.admitted && issuedJson(verdict)),
    ...(!verdict.admitted && waitJson(verdict.refusal, verdict.at)),
    ...explanation,
  };
}

function identityJson({ keyId, owner, version, details }: Identity) {
  if (details === null) return { keyId, owner, version };
  const { name, scopes, metadata, expiresAt } = details;
  return { keyId, owner, name, version, scopes: [...scopes], metadata, expiresAt: timeJson(expiresAt) };
}

const allowanceJson = ({ quota, rateLimits }: Allowance) => ({
  quota: quota === null ? null : quotaJson(quota),
  rateLimits: rateLimits.map(rateLimitJson),
});

const explanationJson = ({ decidedBy, checks, before }: Explanation) => ({
  decidedBy,
  checks: checks.map(({ check, refusal }) => ({
    check,
    code: refusal === null ? null : CODE_OF_REASON[refusal.reason],
    ...(refusal !== null && "limit" in refusal && { limit: refusal.limit }),
  })),
  before: allowanceJson(before),
});

/**
 * What an admission hands out beside the verdict: a reservation to settle, and a successor to use from now on. Not even
 * `null` in the answer of an object that still runs the release before.
 */
const issuedJson = ({ reservation, newKey }: Partial<Extract<Verdict, { admitted: true }>>) => ({
  ...(reservation && { reservation: { id: reservation.id, expiresAt: rfc3339(reservation.expiresAt) } }),
  ...(newKey && { newKey }),
});

/** How long to wait, only where waiting helps. */
function waitJson(refusal: Refusal, at: EpochMs): { readonly retryAfterSeconds?: number } {
  if (!("retryAt" in refusal) || refusal.retryAt === null) return {};
  return { retryAfterSeconds: secondsUntil(refusal.retryAt, at) };
}

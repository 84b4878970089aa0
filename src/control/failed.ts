import { problem } from "../http/problem.ts";
import { redact } from "../key/credential.ts";
import { LedgerUnavailable } from "../ledger/unavailable.ts";

/** The answer to a control call that could not be carried out. The log says why, the caller is not told. */
export function failed(cause: unknown, requestId: string): Response {
  const code = cause instanceof LedgerUnavailable ? "ledger-unavailable" : "unavailable";
  console.error({ message: "a control call failed", requestId, code, cause: redact(String(cause)) });
  return problem(code, { requestId });
}

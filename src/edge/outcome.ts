import type { RefundOutcome, RouteRule } from "../routing/rule.ts";

/** What came of an admitted request at its origin, as far as its charge depends on it. */
export type Outcome = {
  /** What the origin says in `Rekey-Cost`. */
  readonly stated: string | null;
  /** `5xx`: it answered so, or could not be reached; `timeout`: it stayed silent. */
  readonly failed: RefundOutcome | null;
};

/**
 * What a request is to be charged, in the words of `Rekey-Cost`, under a rule that holds units until its outcome is
 * known; `null`: nobody knows, and what becomes of the units is the key's policy's.
 *
 * What an origin states of work that it was trusted to price counts even where it failed: half an answer has a cost too.
 */
export function costOf({ charge, refundOn }: RouteRule, { stated, failed }: Outcome): string | null {
  const refunded = failed !== null && refundOn.includes(failed);
  if ("cost" in charge) return refunded ? "0" : String(charge.cost);
  return stated ?? (refunded ? "0" : null);
}

import type { Admission } from "./admission.ts";
import { allowanceOf, type Allowance } from "./allowance.ts";
import { crowdRefusal, holderOf, reachRefusal, rotationRefusal, takePace, takeQuota } from "./checks.ts";
import { standingRefusal, type Key } from "./key.ts";
import type { Refusal } from "./refusal.ts";
import type { EpochMs } from "./time.ts";

/** One rule of a decision, in its place in the order, and what it says by itself. */
export type ExplainedCheck = {
  readonly check: "identity" | "standing" | "rotation" | "reach" | "concurrency" | "pace" | "allowance";
  /** `null`: it has nothing against the request. */
  readonly refusal: Refusal | null;
};

/** Why a request was decided as it was: every rule by itself, the one that decided, and what each counter held. */
export type Explanation = {
  /** The first check that refuses; `null` when the request was admitted. */
  readonly decidedBy: ExplainedCheck["check"] | null;
  readonly checks: readonly ExplainedCheck[];
  /** What was left before the decision. */
  readonly before: Allowance;
};

/**
 * Explains a decision to an operator. Asks the same rules as `admit`, in the same order, about the key as it was before
 * the step, and goes on behind the first refusal so that all reasons are seen at once.
 */
export function explain(key: Key, request: Admission, now: EpochMs): Explanation {
  const holder = holderOf(key, request, now);
  const pace = takePace(key, request.cost, now);
  const quota = takeQuota(key, request.cost, now);
  const checks: readonly ExplainedCheck[] = [
    { check: "identity", refusal: "refusal" in holder ? holder.refusal : null },
    { check: "standing", refusal: standingRefusal(key, now) },
    { check: "rotation", refusal: rotationRefusal(key, now) },
    { check: "reach", refusal: reachRefusal(key, request) },
    { check: "concurrency", refusal: crowdRefusal(key, request) },
    { check: "pace", refusal: pace.ok ? null : pace.refusal },
    { check: "allowance", refusal: quota.ok ? null : quota.refusal },
  ];
  const decidedBy = checks.find(({ refusal }) => refusal !== null)?.check ?? null;
  return { decidedBy, checks, before: allowanceOf(key, now) };
}

import type { Config, Env } from "../env.ts";
import type { Decided } from "../key-object/rpc.ts";
import type { Admission } from "../key/admission.ts";
import type { Verdict } from "../key/admit.ts";
import type { KeyId } from "../key/credential.ts";
import { CODE_OF_REASON } from "./codes.ts";

/** A decision that was asked for, and when the asking began: epoch milliseconds by the Worker's clock. */
export type Question = {
  readonly env: Env;
  readonly config: Config;
  readonly keyId: KeyId;
  readonly admission: Admission;
  readonly began: number;
};

/**
 * Tells people of one decision of a key's object: one line in the log and, where the binding ANALYTICS is present, one
 * data point. Of admissions a share is logged, as LOG_ADMITTED says; of refusals every one. Never the credential, and
 * nobody waits for it.
 */
export function tellDecision({ env, config, keyId, admission, began }: Question, verdict: Decided<Verdict>): void {
  // Only the object's word to the Worker that it has to ask in another way.
  if (!verdict.admitted && verdict.refusal.reason === "slot-required") return;
  const isLogged = !verdict.admitted || config.logAdmitted === 1 || Math.random() < config.logAdmitted;
  if (!isLogged && env.ANALYTICS === undefined) return;
  const { cost, ip, requestId, call, dryRun } = admission;
  const decision = {
    keyId,
    owner: verdict.identity?.owner ?? null,
    outcome: verdict.admitted ? "valid" : CODE_OF_REASON[verdict.refusal.reason],
    method: call?.method ?? null,
    route: call?.route ?? null,
    country: call?.country ?? null,
    cost,
    // The clock of a Worker advances with what it waits for, which is what is measured.
    durationMs: Date.now() - began,
  };
  if (isLogged) {
    console.log({
      message: "decision",
      ...decision,
      decision: verdict.decision,
      ip,
      requestId: requestId ?? null,
      dryRun,
    });
  }
  if (dryRun) return;
  env.ANALYTICS?.writeDataPoint({
    indexes: [keyId],
    blobs: [decision.outcome, decision.owner, decision.method, decision.route, decision.country],
    doubles: [cost, decision.durationMs],
  });
}

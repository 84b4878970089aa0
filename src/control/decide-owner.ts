import { problem } from "../http/problem.ts";
import type { OwnerStanding } from "../key/owner-order.ts";
import { sees } from "../key/authority.ts";
import { DECIDE_MS, type OwnerProgress } from "../owner-object/rpc.ts";
import { json, notFound } from "./answer.ts";
import { askOf, undecided } from "./ask.ts";
import { askOwner } from "./ask-owner.ts";
import { authorityOf } from "./authority.ts";
import type { AnswerShape, Call } from "./operation.ts";
import { ownerProgress, type OwnerProgressJson } from "./schema/owner.ts";

export const ownerResponses: Readonly<Record<number, AnswerShape>> = {
  200: { description: "Every key of the owner has acknowledged it.", schema: ownerProgress },
  202: {
    description: "It is decided and goes on by itself. Ask again to see how far it has come.",
    schema: ownerProgress,
  },
};

/** Decides for every key of an owner. Safe to repeat: what is done stays done, and the rest is asked again. */
export async function decideOwner(
  call: Call<{ readonly owner: string }, unknown, { readonly reason: string | null }>,
  standing: OwnerStanding,
): Promise<Response> {
  const { env, config, requestId } = call;
  const { owner } = call.params;
  if (!sees(authorityOf(call), owner)) return notFound(call);

  const ask = askOf(call, call.body.reason);
  const asked = await askOwner(env, owner, DECIDE_MS + config.decisionTimeoutMs, (roll) =>
    roll.decide(owner, standing, ask),
  );
  if (!asked.answered) return undecided(call);
  const { answer } = asked;
  if (!answer.done) {
    if (answer.because === "not-found") return notFound(call);
    const detail =
      answer.because === "forbidden" ? { detail: "An operator suspended this owner; an operator resumes it." } : {};
    return problem(answer.because, { requestId, ...detail });
  }
  const { standing: status, keys, acknowledged, forbidden, ledger } = answer;
  const progress: OwnerProgressJson = { owner, status, keys, acknowledged, forbidden, ledger };
  return json(call, isComplete(answer) ? 200 : 202, progress);
}

/**
 * Whether nothing is left to do. The roll alone is complete for keys that were created since there are rolls, so a
 * ledger that is down holds nothing up; but where it is down and the roll is empty, nobody knows of any key.
 */
const isComplete = ({ keys, acknowledged, ledger }: OwnerProgress): boolean =>
  keys === acknowledged && (ledger === "searched" || (ledger === "unreachable" && keys > 0));

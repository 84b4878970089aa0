import { problem } from "../http/problem.ts";
import type { Ask, Decided, KeyRpc, Reached, WithRecord } from "../key-object/rpc.ts";
import type { Suspension } from "../key/standing.ts";
import type { KeyId } from "../key/credential.ts";
import { recordAnswer, statusOfTarget } from "./answer.ts";
import { askFor, askOf } from "./ask.ts";
import type { Call } from "./operation.ts";

/** Asks for a change of where a key stands, and answers with the record as it is afterwards. */
export const changeStanding = (
  call: Call<{ readonly id: KeyId }, unknown, { readonly reason: string | null }>,
  change: (key: KeyRpc, ask: Ask) => Promise<Decided<Reached<WithRecord<Suspension>>>>,
): Promise<Response> =>
  askFor(
    call,
    call.params.id,
    (key) => change(key, askOf(call, call.body.reason)),
    (answer, headers) =>
      answer.done
        ? recordAnswer(call, answer.record, headers)
        : problem(answer.because, { requestId: call.requestId, status: statusOfTarget(answer.because), headers }),
  );

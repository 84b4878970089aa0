import * as z from "zod/mini";
import { problem } from "../http/problem.ts";
import type { Ask, ChangeAnswer, Decided, KeyRpc } from "../key-object/rpc.ts";
import type { KeyId } from "../key/credential.ts";
import { json } from "./answer.ts";
import { askFor, becauseOf } from "./ask.ts";
import type { Call } from "./operation.ts";
import { recordJson } from "./record-json.ts";
import { reason } from "./schema/fields.ts";

/** The body of every change that needs no more than a reason. */
export const reasonBody = z.strictObject({ reason });

/** Asks for a change of where a key stands, and answers with the record as it is afterwards. */
export const changeStanding = (
  call: Call<{ readonly id: KeyId }, unknown, { readonly reason: string | null }>,
  change: (key: KeyRpc, ask: Ask) => Promise<Decided<ChangeAnswer>>,
): Promise<Response> =>
  askFor(
    call,
    call.params.id,
    (key) => change(key, becauseOf(call, call.body.reason)),
    (answer, headers) =>
      answer.done
        ? json(call, 200, recordJson(answer.record), headers)
        : problem(answer.because, { requestId: call.requestId, status: 409, headers }),
  );

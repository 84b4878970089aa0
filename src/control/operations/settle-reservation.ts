import * as z from "zod/mini";
import { askKey } from "../../http/ask-key.ts";
import { problem } from "../../http/problem.ts";
import { keyIdOfReservation } from "../../key/reservation.ts";
import { decisionHeader, json, notFound } from "../answer.ts";
import { undecided } from "../ask.ts";
import { onlyOwnerOf } from "../authority.ts";
import { operation } from "../operation.ts";
import { timeJson } from "../record-json.ts";
import { reservationId, settleBody, settledReservation } from "../schema/settle.ts";

export const settleReservation = operation({
  method: "POST",
  path: "/_rekey/v1/reservations/{id}/settle",
  operationId: "settleReservation",
  summary: "Charge what a reservation really cost and give the rest back, once. Works after the key was revoked too.",
  scope: "rekey:verify",
  params: z.strictObject({ id: reservationId }),
  body: settleBody,
  responses: {
    200: {
      description: "The reservation is settled. The same call again gets the same answer.",
      schema: settledReservation,
    },
  },
  refusals: ["conflict"],
  async handle(call) {
    const { env, config, requestId } = call;
    const { id } = call.params;
    const { used } = call.body;
    const onlyOwner = onlyOwnerOf(call);
    const target = keyIdOfReservation(id)!;

    const asked = await askKey(env, config, target, (key) => key.settle({ id, used, onlyOwner }));
    if (!asked.answered) return undecided(call);
    const { answer } = asked;
    const headers = decisionHeader(answer.decision);
    if (!answer.done) {
      return answer.because === "not-found"
        ? notFound(call)
        : problem("conflict", { requestId, headers, detail: answer.detail });
    }
    const { units, closed } = answer.reservation;
    const { at, charged, overrun } = closed!;
    const body = { id, keyId: target, reserved: units, used, charged, overrun, settledAt: timeJson(at) };
    return json(call, 200, body, headers);
  },
});

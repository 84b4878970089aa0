import { problem } from "../../http/problem.ts";
import { decisionHeader, json, notFound } from "../answer.ts";
import { undecided } from "../ask.ts";
import { operation } from "../operation.ts";
import { reservationParams, settleBody, settledReservation } from "../schema/settle.ts";
import { settle } from "../settle.ts";

export const settleReservation = operation({
  method: "POST",
  path: "/_rekey/v1/reservations/{id}/settle",
  operationId: "settleReservation",
  summary: "Charge what a reservation really cost and give the rest back, once. Works after the key was revoked too.",
  scope: "rekey:verify",
  params: reservationParams,
  body: settleBody,
  responses: {
    200: {
      description: "The reservation is settled. The same call again gets the same answer.",
      schema: settledReservation,
    },
  },
  refusals: ["conflict", "forbidden"],
  async handle(call) {
    const answer = await settle(call, call.params.id, call.body.used);
    if (answer === null) return undecided(call);
    const headers = decisionHeader(answer.decision);
    if (answer.settled) return json(call, 200, answer.reservation, headers);
    if (answer.code === "not-found") return notFound(call);
    return problem(answer.code, { requestId: call.requestId, headers, detail: answer.detail });
  },
});

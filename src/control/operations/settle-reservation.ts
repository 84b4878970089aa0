import * as z from "zod/mini";
import { askKey } from "../../http/ask-key.ts";
import { problem } from "../../http/problem.ts";
import { BOUNDS } from "../../key/policy.ts";
import { keyIdOfReservation, type ReservationId } from "../../key/reservation.ts";
import { decisionHeader, json, notFound } from "../answer.ts";
import { undecided } from "../ask.ts";
import { authorityOf } from "../authority.ts";
import { operation } from "../operation.ts";
import { timeJson } from "../record-json.ts";
import { keyId, timestamp, whole } from "../schema/fields.ts";

const reservationId = z.custom<ReservationId>(
  (value) => typeof value === "string" && keyIdOfReservation(value) !== null,
  "is not the id of a reservation",
);

export const settleReservation = operation({
  method: "POST",
  path: "/_rekey/v1/reservations/{id}/settle",
  operationId: "settleReservation",
  summary: "Charge what a reservation really cost and give the rest back, once. Works after the key was revoked too.",
  scope: "rekey:verify",
  params: z.strictObject({ id: reservationId }),
  body: z.strictObject({
    /** Units that were really used. */
    used: whole(0, BOUNDS.limit),
  }),
  responses: {
    200: {
      description: "The reservation is settled. The same call again gets the same answer.",
      schema: z.strictObject({
        id: reservationId,
        keyId,
        reserved: z.int(),
        used: z.int(),
        charged: z.int(),
        /** Units used beyond what was reserved that no longer fitted into the quota. */
        overrun: z.int(),
        settledAt: timestamp,
      }),
    },
  },
  refusals: ["not-found", "conflict"],
  async handle(call) {
    const { env, config, requestId } = call;
    const { id } = call.params;
    const { used } = call.body;
    const authority = authorityOf(call);
    const onlyOwner = authority.kind === "control-key" ? authority.owner : null;
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

import { askKey } from "../http/ask-key.ts";
import { keyIdOfReservation, type ReservationId } from "../key/reservation.ts";
import { rfc3339 } from "../key/time.ts";
import { authorityOf, onlyOwnerOf } from "./authority.ts";
import type { Surroundings } from "./operation.ts";
import type { SettledReservation } from "./schema/settle.ts";

export type SettleAnswer =
  | { readonly settled: true; readonly decision: string | null; readonly reservation: SettledReservation }
  | {
      readonly settled: false;
      readonly decision: string | null;
      readonly code: "not-found" | "conflict" | "forbidden";
      readonly detail: string;
    };

/** Settles a reservation at its key's object; `null` when that says nothing in time. */
export async function settle(
  call: Pick<Surroundings, "env" | "config" | "authority">,
  id: ReservationId,
  used: number,
): Promise<SettleAnswer | null> {
  const { env, config } = call;
  const keyId = keyIdOfReservation(id)!;
  const onlyOwner = onlyOwnerOf(call);
  const authority = authorityOf(call);
  const asked = await askKey(env, config, keyId, (key) => key.settle({ id, used, onlyOwner, authority }));
  if (!asked.answered) return null;
  const { answer } = asked;
  const { decision } = answer;
  if (!answer.done) return { settled: false, decision, code: answer.because, detail: answer.detail };
  const { units, closed } = answer.reservation;
  const { at, charged, overrun } = closed!;
  return {
    settled: true,
    decision,
    reservation: { id, keyId, reserved: units, used, charged, overrun, settledAt: rfc3339(at) },
  };
}

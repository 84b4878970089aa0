import { askKey } from "../http/ask-key.ts";
import type { Allowance } from "../key/allowance.ts";
import { BOUNDS } from "../key/policy.ts";
import type { ReservationId } from "../key/reservation.ts";
import type { Keyholder } from "./attachment.ts";

/** By which the origin says what a request really cost, in units. It never reaches the client. */
export const COST_HEADER = "rekey-cost";

/**
 * Settles a request's reservation with what the origin says it cost, and answers with what is left then; `null` if the
 * origin says nothing, or nobody could be told: what becomes of the reservation is then its policy's.
 *
 * A cost that cannot be read is charged in full. An origin that means to give something back has to say how much.
 */
export async function settleCost(
  { env, config, keyId }: Keyholder,
  { id, reserved }: { readonly id: ReservationId; readonly reserved: number },
  stated: string | null,
): Promise<Allowance | null> {
  if (stated === null) return null;
  const used = /^[0-9]{1,13}$/.test(stated) && Number(stated) <= BOUNDS.limit ? Number(stated) : null;
  if (used === null) console.warn({ message: "the origin stated a cost that cannot be read", keyId, reservation: id });
  const asked = await askKey(env, config, keyId, (key) => key.settle({ id, used: used ?? reserved, onlyOwner: null }));
  return asked.answered && asked.answer.done ? asked.answer.record.allowance : null;
}

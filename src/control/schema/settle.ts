import * as z from "zod/mini";
import { BOUNDS } from "../../key/policy.ts";
import { keyIdOfReservation, type ReservationId } from "../../key/reservation.ts";
import { keyId, timestamp, whole } from "./fields.ts";

const reservationId = z.lazy(
  () =>
    z
      .string()
      .check(
        z.refine((text) => keyIdOfReservation(text) !== null, "is not the id of a reservation"),
      ) as unknown as z.ZodMiniType<ReservationId>,
);

export const reservationParams = z.lazy(() => z.strictObject({ id: reservationId }));

export const settleBody = z.lazy(() =>
  z.strictObject({
    /** Units that were really used. */
    used: whole(0, BOUNDS.limit),
  }),
);

export const settledReservation = z.lazy(() =>
  z.strictObject({
    id: reservationId,
    keyId,
    reserved: z.int(),
    used: z.int(),
    charged: z.int(),
    /** Units used beyond what was reserved that no longer fitted into the quota. */
    overrun: z.int(),
    settledAt: timestamp,
  }),
);

export type SettledReservation = z.output<typeof settledReservation>;

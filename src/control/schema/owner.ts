import * as z from "zod/mini";
import type { OwnerStanding } from "../../key/owner-order.ts";
import { label } from "./fields.ts";

const OWNER_STATUSES = ["active", "suspended", "revoked"] as const satisfies readonly OwnerStanding[];

export const ownerParams = z.lazy(() => z.strictObject({ owner: label }));

/** An owner as the ledger lists it. `keys` counts all of them, whatever their standing. */
export const listedOwner = z.lazy(() =>
  z.strictObject({
    owner: z.string(),
    status: z.enum(OWNER_STATUSES),
    keys: z.int(),
  }),
);

/** How far a decision about an owner has come. It is complete when `acknowledged` is `keys`. */
export const ownerProgress = z.lazy(() =>
  z.strictObject({
    owner: z.string(),
    status: z.enum(OWNER_STATUSES),
    keys: z.int(),
    /** Keys whose objects have carried the decision out. */
    acknowledged: z.int(),
    /** Keys that hold more authority than the control key that decided: they stay as they are until somebody may. */
    forbidden: z.int(),
    /** Whether the ledger was searched for keys that were created before owners were kept track of. */
    ledger: z.enum(["searched", "pending", "unreachable"]),
  }),
);

export type OwnerProgressJson = z.output<typeof ownerProgress>;

import * as z from "zod/mini";
import { BOUNDS } from "../../key/policy.ts";
import { isObject, reason, whole } from "./fields.ts";

/** What to do to a balance: one of the two. */
export const creditBody = z.lazy(() =>
  z
    .strictObject({
      /** Raises what remains, and the limit with it. */
      add: z.optional(whole(1, BOUNDS.limit)),
      /** Sets what remains. */
      set: z.optional(whole(0, BOUNDS.limit)),
      reason,
    })
    .check(
      z.refine(({ add, set }) => (add === undefined) !== (set === undefined), {
        error: "must have either add or set",
        when: ({ value }) => isObject(value),
      }),
    ),
);

import * as z from "zod/mini";
import { BOUNDS } from "../../key/policy.ts";
import { orNull, reason, timestamp, whole, withDefault } from "./fields.ts";
import { keyRecord } from "./record.ts";

export const rotateBody = z.lazy(() =>
  z.strictObject({
    /** The version the caller last saw; without it whatever holds is rotated. */
    expectedVersion: orNull(whole(1, Number.MAX_SAFE_INTEGER)),
    graceSeconds: withDefault(whole(0, BOUNDS.graceSeconds), 0),
    reason,
  }),
);

/** A key with its new secret, which is shown this once, and what became of the old one. */
export const rotatedKey = z.lazy(() =>
  z.strictObject({
    key: z.string(),
    record: keyRecord,
    retired: z.strictObject({ version: z.int(), validUntil: timestamp }),
  }),
);

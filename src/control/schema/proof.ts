import * as z from "zod/mini";
import { keyId, timestamp } from "./fields.ts";

const head = z.lazy(() => z.strictObject({ sequence: z.int(), hash: z.string() }));

/** Whether the ledger's copy of a key's history is what the key's own object wrote. */
export const chainProof = z.lazy(() =>
  z.strictObject({
    keyId,
    intact: z.boolean(),
    fault: z.nullable(
      z.strictObject({
        sequence: z.int(),
        kind: z.enum(["altered", "removed", "inserted"]),
        message: z.string(),
      }),
    ),
    anchor: head,
    verifiedThrough: z.int(),
    onlyInLedger: z.array(z.strictObject({ first: z.int(), last: z.int() })),
    deliveredThrough: z.int(),
    head,
    asOf: timestamp,
  }),
);

export type ChainProof = z.output<typeof chainProof>;

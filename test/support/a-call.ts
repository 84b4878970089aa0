import { digestOf } from "../../src/key/digest.ts";
import type { Idempotency } from "../../src/key/receipt.ts";

/** What a call brings along that carries an `Idempotency-Key`. The same arguments, the same call. */
export const aCall = (header = "header-of-a-call", request = "do it", actor = "admin"): Idempotency => ({
  actor,
  header,
  request: digestOf(request),
});

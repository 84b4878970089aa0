import type { Verdict } from "../key/admit.ts";
import { setLimitHeaders } from "./limit-headers.ts";

/** Of an admission, what every answer to the admitted request tells, whatever came of the request itself. */
export type Told = Pick<Extract<Verdict, { admitted: true }>, "allowance" | "at" | "newKey">;

/**
 * Hands out the key's next secret, if this is the request that gets it: where the body is not ours, there is no other
 * place to say it in. And tells what is left of the key's limits.
 */
export function sayAdmission(headers: Headers, { allowance, at, newKey }: Told): void {
  // Absent in the answer of an object that still runs the release before.
  if (newKey) {
    headers.set("rekey-new-key", newKey);
    // Not even a cache of the client's own may keep a secret.
    headers.set("cache-control", "private, no-store");
  }
  setLimitHeaders(headers, allowance, at);
}

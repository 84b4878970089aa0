import type { Config } from "../env.ts";
import { hmacKey, hmacSha256 } from "../key/hmac.ts";

/** The header by which this deployment recognises a request that it sent itself. */
export const HOP_HEADER = "rekey-hop";

const marks = new WeakMap<Config, string>();

/**
 * What this deployment writes into `Rekey-Hop`. It is the same in every location and made from the signing pepper, so
 * nobody else's value means anything; whoever learns it can only have their own requests refused.
 */
export function hopMark(config: Config): string {
  let mark = marks.get(config);
  if (mark === undefined) {
    const mac = hmacSha256(hmacKey(config.signingPepper.secret), new TextEncoder().encode("rekey hop"));
    mark = Array.from(mac.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
    marks.set(config, mark);
  }
  return mark;
}

/** Whether this deployment has forwarded the request before: then its origin is itself. */
export function hasBeenHere(headers: Headers, config: Config): boolean {
  const hop = headers.get(HOP_HEADER);
  return hop !== null && hop === hopMark(config);
}

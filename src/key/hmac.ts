import { BLOCK_BYTES, midstateAfter, sha256, type Midstate } from "./sha256.ts";

/** A secret, made ready: the states after its two pads, which every message under it begins from. */
export type HmacKey = { readonly inner: Midstate; readonly outer: Midstate };

/** Makes a secret ready. Worth keeping: a short message costs half of the work when this is done already. */
export function hmacKey(secret: Uint8Array): HmacKey {
  const short = secret.length > BLOCK_BYTES ? sha256(secret) : secret;
  const padded = (byte: number) => Uint8Array.from({ length: BLOCK_BYTES }, (_, at) => (short[at] ?? 0) ^ byte);
  return { inner: midstateAfter(padded(0x36)), outer: midstateAfter(padded(0x5c)) };
}

/** HMAC-SHA-256 of a message (RFC 2104). */
export const hmacSha256 = ({ inner, outer }: HmacKey, message: Uint8Array): Uint8Array<ArrayBuffer> =>
  sha256(sha256(message, inner), outer);

import { createHash, timingSafeEqual } from "node:crypto";

/** SHA-256 of a whole credential, base64url without padding (43 characters). The only form in which a secret is stored. */
export type Digest = string & { readonly __kind: "digest" };

/**
 * The digest under which a credential is stored and compared.
 *
 * A plain hash is enough: the secret part has 190 random bits, so there is nothing for a slow hash to slow down.
 */
export const digestOf = (credential: string): Digest =>
  createHash("sha256").update(credential).digest("base64url") as Digest;

/** Whether two digests are equal, in time that does not depend on where they differ. */
export function sameDigest(a: Digest, b: Digest): boolean {
  if (a.length !== b.length) return false;
  return timingSafeEqual(encoder.encode(a), encoder.encode(b));
}

const encoder = new TextEncoder();

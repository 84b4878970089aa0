import { toBase64url } from "./base64url.ts";
import { sameText } from "./same-text.ts";
import { sha256 } from "./sha256.ts";

/** SHA-256 of a whole credential, base64url without padding (43 characters). The only form in which a secret is stored. */
export type Digest = string & { readonly __kind: "digest" };

/**
 * The digest under which a credential is stored and compared.
 *
 * A plain hash is enough: the secret part has 190 random bits, so there is nothing for a slow hash to slow down.
 */
export const digestOf = (credential: string): Digest => toBase64url(sha256(encoder.encode(credential))) as Digest;

/** Whether two digests are equal, in time that does not depend on where they differ. */
export const sameDigest = (a: Digest, b: Digest): boolean => sameText(a, b);

const encoder = new TextEncoder();

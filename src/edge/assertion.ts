import { importJWK, SignJWT, type CryptoKey } from "jose";
import type { AssertionKey } from "../env.ts";
import type { Identity } from "../key/identity.ts";

/** How long an assertion may be used, in seconds. Long enough for a slow network, too short to be worth stealing. */
const LIFETIME_SECONDS = 60;

/** The request that an assertion speaks of; of no other. */
export type Asserted = {
  readonly identity: Identity;
  readonly requestId: string;
  readonly method: string;
  /** As the client asked for it, with its port if it named one. */
  readonly host: string;
  /** The canonical path, without its query. */
  readonly path: string;
};

const keys = new WeakMap<AssertionKey, Promise<CryptoKey | Uint8Array>>();

/**
 * Signs who was admitted to what, so that an origin can refuse whatever did not come through the gateway: a JWT (RFC
 * 7519) with EdDSA (RFC 8037), bound to method, host, path, key, version and request.
 *
 * An origin checks it against `/_rekey/jwks.json` and compares `htm`, `aud` and `path` with the request it got.
 */
export async function assertionOf(key: AssertionKey, asserted: Asserted, nowMs: number): Promise<string> {
  let imported = keys.get(key);
  if (imported === undefined) keys.set(key, (imported = importJWK(key.jwk, "EdDSA")));
  const { identity, requestId, method, host, path } = asserted;
  const issuedAt = Math.floor(nowMs / 1000);
  return new SignJWT({
    htm: method,
    path,
    version: identity.version,
    ...(identity.owner !== null && { owner: identity.owner }),
    scope: identity.details?.scopes.join(" ") ?? "",
  })
    .setProtectedHeader({ alg: "EdDSA", kid: key.kid, typ: "JWT" })
    .setIssuer("rekey")
    .setSubject(identity.keyId)
    .setAudience(host)
    .setJti(requestId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + LIFETIME_SECONDS)
    .sign(await imported);
}

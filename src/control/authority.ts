import type { Config } from "../env.ts";
import type { Code } from "../http/codes.ts";
import { digestOf, sameDigest, type Digest } from "../key/digest.ts";

/** In whose name a control call is made. The admin token covers every operation on every key. */
export type Authority = { readonly actor: "admin" };

export type AuthorityReading =
  { readonly ok: true; readonly authority: Authority } | { readonly ok: false; readonly code: Code };

/** Whom the `Authorization` header speaks for. Whatever is wrong with a token, the answer is the same. */
export function readAuthority(request: Request, config: Config): AuthorityReading {
  const token = /^Bearer +(.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (token === undefined) return { ok: false, code: "missing-credentials" };
  return isAdminToken(token, config) ? { ok: true, authority: { actor: "admin" } } : { ok: false, code: "invalid-key" };
}

/**
 * Whether the text is one of the admin tokens.
 *
 * Digests are compared instead of the texts, so that neither the length nor a matching beginning shows in the time it
 * takes, and every token is compared, so that it does not show which one matched.
 */
function isAdminToken(text: string, config: Config): boolean {
  const presented = digestOf(text);
  return adminDigests(config).filter((digest) => sameDigest(digest, presented)).length > 0;
}

const digests = new WeakMap<Config, readonly Digest[]>();

function adminDigests(config: Config): readonly Digest[] {
  let known = digests.get(config);
  if (known === undefined) digests.set(config, (known = config.adminTokens.map(digestOf)));
  return known;
}

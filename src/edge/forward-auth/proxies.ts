/** The proxies whose way of asking is known. */
export const PROXIES = ["nginx", "traefik", "caddy", "envoy"] as const;
export type Proxy = (typeof PROXIES)[number];

/** The request that a proxy asks about, in the proxy's words. */
export type AskedFor = {
  readonly method: string;
  /** Path and query as the client sent them. */
  readonly uri: string;
  /** The client's address; `null` if the proxy does not say. */
  readonly clientIp: string | null;
};

/**
 * What a proxy asks about. Only an authenticated proxy's word is taken. What it does not say is what the call itself
 * says: its own method and the path behind the proxy's name.
 *
 * @param own the call's own method, and its sub-path with its query.
 */
export function askedFor(
  proxy: Proxy,
  headers: Headers,
  own: { readonly method: string; readonly uri: string },
): AskedFor {
  const { method, uri } = WORDS[proxy];
  return {
    method: (method === null ? null : headers.get(method)) ?? own.method,
    uri: (uri === null ? null : headers.get(uri)) ?? own.uri,
    clientIp: lastOf(headers.get("x-forwarded-for")),
  };
}

/** In which headers a proxy says what the client asked for; `null`: it makes the very same call. */
const WORDS: Record<Proxy, { readonly method: string | null; readonly uri: string | null }> = {
  nginx: { method: "x-original-method", uri: "x-original-uri" },
  traefik: { method: "x-forwarded-method", uri: "x-forwarded-uri" },
  caddy: { method: "x-forwarded-method", uri: "x-forwarded-uri" },
  envoy: { method: null, uri: null },
};

/** The last entry is the one that the proxy itself has seen; those before it are what the client says of itself. */
function lastOf(forwardedFor: string | null): string | null {
  const last = forwardedFor?.split(",").at(-1)?.trim();
  return last === undefined || last === "" ? null : last;
}

/**
 * A refusal in a form that the proxy passes on. nginx's `auth_request` understands 401 and 403 and takes whatever else
 * is not 2xx for a fault of its own, so everything else but 503 becomes 403 and says in `Rekey-Status` what it is.
 */
export function refusalFor(proxy: Proxy, refusal: Response): Response {
  if (proxy !== "nginx" || refusal.status === 401 || refusal.status === 403 || refusal.status === 503) return refusal;
  const headers = new Headers(refusal.headers);
  headers.set("rekey-status", String(refusal.status));
  return new Response(refusal.body, { status: 403, headers });
}

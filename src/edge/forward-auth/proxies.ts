import { isWebSocket } from "../websocket.ts";

/** The proxies whose way of asking is known. */
export const PROXIES = ["nginx", "traefik", "caddy", "envoy"] as const;
export type Proxy = (typeof PROXIES)[number];

/** The request that a proxy asks about, in the proxy's words. */
export type AskedFor = {
  readonly method: string;
  /** Path and query, byte for byte as the proxy will forward them. */
  readonly uri: string;
  /** The client's address; `null` if the proxy does not say. */
  readonly clientIp: string | null;
  /** Whether the client wants a WebSocket. */
  readonly wantsWebSocket: boolean;
  /** How long the body is; `null` if nobody says so. */
  readonly bodyBytes: number | null;
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
  const { method, uri, upgrade, body } = WORDS[proxy];
  return {
    method: (method === null ? null : headers.get(method)) ?? own.method,
    uri: (uri === null ? null : headers.get(uri)) ?? own.uri,
    clientIp: lastOf(headers.get("x-forwarded-for")),
    // A proxy that hands the header on has said it as well.
    wantsWebSocket: isWebSocket(headers) || (upgrade !== null && /\bwebsocket\b/i.test(headers.get(upgrade) ?? "")),
    bodyBytes: body === null ? null : bodyBytesOf(headers.get(body)),
  };
}

/** In which headers a proxy says what the client asked for; `null`: it does not, or makes the very same call. */
type Words = {
  readonly method: string | null;
  readonly uri: string | null;
  readonly upgrade: string | null;
  readonly body: string | null;
};

const WORDS: Record<Proxy, Words> = {
  nginx: {
    method: "x-original-method",
    uri: "x-original-uri",
    upgrade: "x-original-upgrade",
    body: "x-original-body",
  },
  traefik: { method: "x-forwarded-method", uri: "x-forwarded-uri", upgrade: null, body: null },
  caddy: { method: "x-forwarded-method", uri: "x-forwarded-uri", upgrade: "x-forwarded-upgrade", body: null },
  envoy: { method: null, uri: null, upgrade: null, body: null },
};

/**
 * How long a body is of which this is said: `length/transfer-encoding/protocol`, each part as the request has it. Only
 * in HTTP/1 does a request that says neither have none; one that the proxy says nothing of may have any.
 */
function bodyBytesOf(said: string | null): number | null {
  const [, length, encoding, protocol] = /^([0-9]{0,15})\/([^/]*)\/(.+)$/.exec(said ?? "") ?? [];
  if (length === undefined) return null;
  // In chunks: it may be any, and no method is without it.
  if (encoding !== "") return Infinity;
  if (length !== "") return Number(length);
  return protocol!.startsWith("HTTP/1.") ? 0 : null;
}

/** The last entry is the one that the proxy itself has seen; those before it are what the client says of itself. */
function lastOf(forwardedFor: string | null): string | null {
  const last = forwardedFor?.split(",").at(-1)?.trim();
  return last === undefined || last === "" ? null : last;
}

/**
 * A refusal in a form that the proxy passes on. nginx's `auth_request` understands 401 and 403, takes whatever else is
 * not 2xx for a fault of its own, and throws bodies away: so it hears 401 or 403, and in headers what the refusal is.
 */
export async function refusalFor(proxy: Proxy, refusal: Response): Promise<Response> {
  if (proxy !== "nginx") return refusal;
  const headers = new Headers(refusal.headers);
  headers.set("rekey-status", String(refusal.status));
  headers.set("rekey-problem", inAscii(await refusal.text()));
  return new Response(null, { status: refusal.status === 401 ? 401 : 403, headers });
}

/** JSON in the characters that a header may have. */
const inAscii = (json: string): string =>
  json.replace(/[^\x20-\x7e]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);

import { namesCredential } from "../http/read-credential.ts";
import type { Identity } from "../key/identity.ts";
import { parseCredential, type ParsedCredential } from "../key/credential.ts";

/** What the gateway itself knows about a request that it forwards. */
export type Provenance = {
  /** `null` where no key is needed. */
  readonly admitted: Admitted | null;
  readonly requestId: string;
  /** The client's address as Cloudflare saw it; `null` where nobody can know it. */
  readonly clientIp: string | null;
  /** The URL that the client asked for. */
  readonly scheme: string;
  readonly host: string;
};

/** Who was admitted, and by what. */
export type Admitted = {
  readonly credential: ParsedCredential;
  readonly identity: Identity;
  /** The same, signed; `null` where the route does not ask for it. */
  readonly assertion: string | null;
};

/**
 * Turns the headers of a client's request into those of the gateway's own, in place: the credential is taken out, who
 * was admitted is put in, and nothing that a client wrote can be mistaken for what the gateway says.
 *
 * Name by name, because that is the fastest: a list or a record that the runtime makes headers of costs two to four
 * times as much (measured in workerd).
 *
 * Identity is written last, so that no `Connection: rekey-key-id` can take it away.
 */
export function rewriteRequestHeaders(headers: Headers, provenance: Provenance): void {
  const { admitted, requestId, clientIp, scheme, host } = provenance;
  const connection = headers.get("connection");
  const unwanted: string[] = [];
  for (const [name, value] of headers) {
    if (isUnwanted(name) || holdsCredential(name, value, admitted?.credential ?? null)) unwanted.push(name);
  }
  for (const name of unwanted) headers.delete(name);
  if (connection !== null) dropNamed(headers, connection);
  keepCookiesApart(headers);

  if (clientIp !== null) headers.set("x-forwarded-for", clientIp);
  headers.set("x-forwarded-proto", scheme);
  headers.set("x-forwarded-host", host);

  headers.set("rekey-request-id", requestId);
  if (admitted === null) return;
  for (const [name, value] of identityHeaders(admitted.identity, requestId)) headers.set(name, value);
  if (admitted.assertion !== null) headers.set("rekey-assertion", admitted.assertion);
}

/** Every name under which an origin is told of an admission. */
export const IDENTITY_HEADERS = [
  "rekey-assertion",
  "rekey-key-id",
  "rekey-key-version",
  "rekey-owner",
  "rekey-request-id",
  "rekey-scopes",
];

/** Who was admitted, as headers that an origin can believe. */
export function identityHeaders(identity: Identity, requestId: string): [name: string, value: string][] {
  const scopes = identity.details?.scopes ?? [];
  return [
    ["rekey-key-id", identity.keyId],
    ["rekey-key-version", String(identity.version)],
    ["rekey-request-id", requestId],
    ...(identity.owner === null ? [] : [["rekey-owner", identity.owner] as [string, string]]),
    ...(scopes.length === 0 ? [] : [["rekey-scopes", scopes.join(" ")] as [string, string]]),
  ];
}

/** Meant for one connection only (RFC 9110 section 7.6.1), or decided anew by the runtime for the next one. */
const HOP_BY_HOP = [
  "connection",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  // Also the httpoxy trap: CGI hands `Proxy` to programs as HTTP_PROXY.
  "proxy",
];

/**
 * Words that only a proxy in front of the origin may speak: who the client is, and which URL or method is meant.
 * An origin that believes them believes us, so they are set by us or not there.
 */
const SPOKEN_BY_PROXIES = [
  "client-ip",
  "fastly-client-ip",
  "forwarded",
  "forwarded-for",
  "true-client-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-envoy-external-address",
  "x-envoy-original-path",
  "x-forwarded",
  "x-host",
  "x-http-destinationurl",
  "x-http-host-override",
  "x-http-method",
  "x-http-method-override",
  "x-http-path-override",
  "x-method-override",
  "x-middleware-subrequest",
  "x-originating-ip",
  "x-proxyuser-ip",
  "x-real-ip",
  "x-remote-addr",
  "x-remote-ip",
  "x-remote-user",
  "x-rewrite-url",
];

const UNWANTED = new Set([...HOP_BY_HOP, ...SPOKEN_BY_PROXIES]);
const UNWANTED_FAMILIES = ["rekey-", "x-forwarded-", "x-original-", "proxy-"];

/**
 * Whether a client's header must not arrive. Many origins (CGI, WSGI, Rack, PHP) read `-` and `_` as one, so a name
 * counts in both spellings. `CF-*` is Cloudflare's word and is kept; spelled with `_` it is somebody else's.
 */
export function isUnwanted(name: string): boolean {
  const lowered = name.toLowerCase();
  const canonical = lowered.replaceAll("_", "-");
  if (UNWANTED.has(canonical) || UNWANTED_FAMILIES.some((family) => canonical.startsWith(family))) return true;
  return canonical !== lowered && canonical.startsWith("cf-");
}

/** The credential that was presented must not travel on, wherever a client repeated it; nor another of ours. */
function holdsCredential(name: string, value: string, presented: ParsedCredential | null): boolean {
  if (name === "cookie") return false;
  if (presented !== null && value.includes(presented.text)) return true;
  return (name === "authorization" || name === "x-api-key") && namesCredential(value);
}

/** Removes the headers that `Connection` names. Not Cloudflare's: a client must not silence what it cannot say. */
function dropNamed(headers: Headers, connection: string): void {
  for (const option of connection.split(",")) {
    const name = option.trim();
    if (/^[\w!#$%&'*+.^`|~-]+$/.test(name) && !/^cf-/i.test(name)) headers.delete(name);
  }
}

/** Takes credentials of ours out of the cookies and leaves the others as they are. */
function keepCookiesApart(headers: Headers): void {
  const cookie = headers.get("cookie");
  if (cookie === null || !holdsOurs(cookie)) return;
  // Repeated Cookie headers are joined with a comma by the runtime.
  const kept = cookie.split(/[;,]\s*/).filter((pair) => !holdsOurs(pair));
  if (kept.length === 0) headers.delete("cookie");
  else headers.set("cookie", kept.join("; "));
}

const holdsOurs = (cookies: string): boolean =>
  cookies.split(/[\s;,="]+/).some((word) => parseCredential(word) !== null);

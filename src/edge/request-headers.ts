import type { Config } from "../env.ts";
import { holdsOwnToken } from "../http/own-tokens.ts";
import { namesCredential } from "../http/read-credential.ts";
import type { Identity } from "../key/identity.ts";
import { parseCredential, type ParsedCredential } from "../key/credential.ts";

/** What the gateway itself knows about a request that it forwards. */
export type Provenance = {
  readonly config: Pick<Config, "ownTokens" | "passedHeaders">;
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
  const { config, admitted, requestId, clientIp, scheme, host } = provenance;
  const connection = headers.get("connection");
  const unwanted: string[] = [];
  for (const [name, value] of headers) {
    if (isUnwanted(name, config.passedHeaders) || holdsSecret(name, value, admitted?.credential ?? null, config)) {
      unwanted.push(name);
    }
  }
  for (const name of unwanted) headers.delete(name);
  if (connection !== null) dropNamed(headers, connection);
  keepCookiesApart(headers, config);

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
  "x-rewrite-url",
];

/**
 * Names, and beginnings of names, under which other gateways tell an origin who the client is: OAuth2 Proxy, Kong,
 * Google's IAP, Azure, AWS, Cloudflare Access, Tailscale, Grafana, Pomerium, web servers that check client certificates.
 * An origin that once stood behind one of them may still believe them. PASS_IDENTITY_HEADERS names those that a
 * deployment's own gateway in front of Rekey sets.
 */
const IDENTITY_OF_OTHERS = [
  "remote-user",
  "remote-groups",
  "remote-email",
  "remote-name",
  "ssl-client-",
  "tailscale-user-",
  "cf-access-",
  "x-amzn-oidc-",
  "x-auth-request-",
  "x-auth-user",
  "x-authenticated-",
  "x-client-cert",
  "x-client-dn",
  "x-client-verify",
  "x-consumer-",
  "x-credential-identifier",
  "x-goog-authenticated-",
  "x-goog-iap-",
  "x-ms-client-principal",
  "x-ms-token-",
  "x-pomerium-",
  "x-remote-",
  "x-ssl-client-",
  "x-ssl-",
  "x-vouch-",
  "x-webauth-",
];

const BEGINS_IDENTITY = new RegExp(`^(?:${IDENTITY_OF_OTHERS.join("|")})`);

const UNWANTED = new Set([...HOP_BY_HOP, ...SPOKEN_BY_PROXIES]);
const UNWANTED_FAMILIES = ["rekey-", "x-forwarded-", "x-original-", "proxy-"];

/**
 * Whether a client's header must not arrive. Many origins (CGI, WSGI, Rack, PHP) read `-` and `_` as one, so a name
 * counts in both spellings. `CF-*` is Cloudflare's word and is kept; spelled with `_` it is somebody else's.
 */
export function isUnwanted(name: string, passed: ReadonlySet<string> = NONE): boolean {
  const lowered = name.toLowerCase();
  const canonical = lowered.replaceAll("_", "-");
  if (UNWANTED.has(canonical) || UNWANTED_FAMILIES.some((family) => canonical.startsWith(family))) return true;
  if (canonical !== lowered && canonical.startsWith("cf-")) return true;
  // Only as it is spelled: an origin would take another spelling for the same.
  return BEGINS_IDENTITY.test(canonical) && !passed.has(lowered);
}

const NONE: ReadonlySet<string> = new Set();

/**
 * The credential that was presented must not travel on, wherever a client repeated it; nor another of ours, nor a token
 * of the deployment itself.
 */
function holdsSecret(
  name: string,
  value: string,
  presented: ParsedCredential | null,
  config: Provenance["config"],
): boolean {
  if (name === "cookie") return false;
  if (holdsOwnToken(value, config)) return true;
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
function keepCookiesApart(headers: Headers, config: Provenance["config"]): void {
  const cookie = headers.get("cookie");
  if (cookie === null) return;
  const holdsOurs = (text: string): boolean => holdsCredentialOfOurs(text) || holdsOwnToken(text, config);
  if (!holdsOurs(cookie)) return;
  // Repeated Cookie headers are joined with a comma by the runtime.
  const kept = cookie.split(/[;,]\s*/).filter((pair) => !holdsOurs(pair));
  if (kept.length === 0) headers.delete("cookie");
  else headers.set("cookie", kept.join("; "));
}

const holdsCredentialOfOurs = (cookies: string): boolean =>
  cookies.split(/[\s;,="]+/).some((word) => parseCredential(word) !== null);

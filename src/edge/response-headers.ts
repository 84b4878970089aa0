/**
 * Makes an origin's answer one that may leave the gateway: it is private to who asked, and nothing in it can be
 * mistaken for what the gateway says.
 */
export function rewriteResponseHeaders(headers: Headers): void {
  const unwanted: string[] = [];
  for (const name of headers.keys()) if (isUnwanted(name)) unwanted.push(name);
  for (const name of unwanted) headers.delete(name);
  headers.set("cache-control", privateCacheControl(headers.get("cache-control")));
  if (headers.get("vary")?.trim() !== "*") headers.append("vary", DECIDING_HEADERS);
}

/** What the answer depends on, whatever the origin knows about it. */
const DECIDING_HEADERS = "Authorization, X-API-Key";

/** Hop-by-hop (RFC 9110 section 7.6.1), and orders to shared caches that stand beside Cache-Control (RFC 9213). */
const UNWANTED = new Set([
  "connection",
  "edge-control",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "surrogate-control",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-accel-expires",
]);

const isUnwanted = (name: string): boolean =>
  UNWANTED.has(name) || name.startsWith("rekey-") || name.endsWith("-cache-control");

/**
 * An origin's Cache-Control with every permission for shared caches taken out and `private` put in. What it says to
 * the client's own cache stands.
 *
 * It cannot know that the key was what the answer depended on: the credential never reached it. A value that cannot be
 * read is taken for the strictest.
 */
export function privateCacheControl(value: string | null): string {
  const directives = value === null ? [] : splitDirectives(value);
  if (directives === null) return "private, no-store";
  const kept = directives.filter((directive) => !FOR_SHARED_CACHES.test(directive));
  return ["private", ...kept].join(", ");
}

/** `private` too: it is said anew, without the list of fields that would narrow it. */
const FOR_SHARED_CACHES = /^(?:public|private|s-maxage|proxy-revalidate|must-understand)(?:\s*=|$)/i;

/** The directives one by one; `null` if a quoted string has no end. A comma may stand inside quotes. */
function splitDirectives(value: string): readonly string[] | null {
  const matches: readonly string[] = value.match(/(?:"(?:\\.|[^"\\])*"|[^",])+|"/g) ?? [];
  if (matches.includes('"')) return null;
  return matches.map((directive) => directive.trim()).filter((directive) => directive !== "");
}

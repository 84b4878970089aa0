/**
 * Makes an origin's answer one that may leave the gateway: it is private to who asked, and nothing in it can be
 * mistaken for what the gateway says.
 *
 * @param cacheable the route says that the answer is the same for everybody who may have it: what the origin permits to
 *   shared caches stands.
 */
export function rewriteResponseHeaders(headers: Headers, cacheable = false): void {
  const unwanted: string[] = [];
  for (const name of headers.keys()) {
    if (isUnwanted(name) || (!cacheable && isForSharedCaches(name))) unwanted.push(name);
  }
  for (const name of unwanted) headers.delete(name);
  if (!cacheable) headers.set("cache-control", privateCacheControl(headers.get("cache-control")));
  if (headers.get("vary")?.trim() !== "*") headers.append("vary", DECIDING_HEADERS);
}

/** What the answer depends on, whatever the origin knows about it. */
const DECIDING_HEADERS = "Authorization, X-API-Key";

/** Hop-by-hop (RFC 9110 section 7.6.1). */
const UNWANTED = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const isUnwanted = (name: string): boolean => UNWANTED.has(name) || name.startsWith("rekey-");

/** Orders to shared caches that stand beside Cache-Control (RFC 9213, and what was there before it). */
const isForSharedCaches = (name: string): boolean =>
  ["edge-control", "surrogate-control", "x-accel-expires"].includes(name) || name.endsWith("-cache-control");

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

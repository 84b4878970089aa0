/** The first segment of every path that belongs to Rekey itself. */
const RESERVED_SEGMENT = "_rekey";

/**
 * Where a request goes. `path` is in its one canonical form: the string that is judged here is the string that is
 * forwarded. `query` is as the client sent it, with its `?`, or empty.
 */
export type Target =
  | { readonly ok: true; readonly path: string; readonly query: string }
  | { readonly ok: false; readonly because: string };

/** A target that has one reading. */
export type Goal = Extract<Target, { ok: true }>;

/**
 * Reads the target of a request from its URL, or says why it has more than one reading.
 *
 * The text is read as the runtime hands it over, before any URL parser: those turn `\` into `/` and resolve dots, and
 * what they repaired can no longer be refused. Canonical is the normal form of RFC 3986 section 6.2.2, which every
 * server reads alike: no escapes of unreserved characters, upper-case hex digits, no dot segments.
 *
 * Refused is what servers are known to read differently: empty segments, escaped slashes and backslashes, path
 * parameters (`;`), control characters, escapes of escapes, escapes that are not UTF-8.
 */
export function targetOf(url: string): Target {
  const { path: raw, query } = rawPathOf(url);
  if (raw === "") return refuse("the request target has no path");
  if (CANONICAL.test(raw)) return { ok: true, path: raw, query };
  return normalize(raw, query);
}

/**
 * Reads a target that somebody else will forward as it was sent: only what is canonical already has the same meaning
 * there as here. Whatever the gateway would have changed, or refused, is refused.
 */
export function canonicalTargetOf(url: string): Target {
  const target = targetOf(url);
  if (!target.ok) return target;
  return rawPathOf(url).path === target.path
    ? target
    : refuse("the path is not in its canonical form: dots, or escapes that servers read differently");
}

/** Path and query of a URL as the client wrote them. The path is empty for `OPTIONS *`, and where the URL has none. */
export function rawPathOf(url: string): { readonly path: string; readonly query: string } {
  const pathAt = url.indexOf("/", url.indexOf("://") + 3);
  const queryAt = url.indexOf("?");
  if (pathAt === -1 || (queryAt !== -1 && queryAt < pathAt)) return { path: "", query: "" };
  return queryAt === -1
    ? { path: url.slice(pathAt), query: "" }
    : { path: url.slice(pathAt, queryAt), query: url.slice(queryAt) };
}

/** Segments of characters that need no escape and are no dots: nearly every path there is. */
const CANONICAL = /^(?:\/(?!\.\.?(?:\/|$))[A-Za-z0-9\-._~!$&'()*+,=:@]+)*\/?$/;

function normalize(raw: string, query: string): Target {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u0020\u007f\\;#]/.test(raw)) {
    return refuse("the path contains a character that servers read differently: a control, a space, \\ ; or #");
  }
  if (/%(?![0-9A-Fa-f]{2})/.test(raw)) return refuse("the path contains a % that begins no escape");
  if (/%(?:2f|5c|3b|[01][0-9a-f]|7f)/i.test(raw)) {
    return refuse("the path contains an escaped slash, backslash, semicolon or control character");
  }
  if (!isUtf8(raw)) return refuse("the path contains escapes that are not UTF-8");

  const segments = raw.split("/").slice(1);
  if (segments.slice(0, -1).includes("")) return refuse("the path contains an empty segment");
  const resolved = resolveDots(segments.map((written) => ({ written, canonical: canonicalSegment(written) })));
  const [first] = resolved;
  if (first?.canonical === RESERVED_SEGMENT && first.written !== RESERVED_SEGMENT) {
    return refuse("paths of Rekey itself are spelled without escapes");
  }
  const path = `/${resolved.map(({ canonical }) => canonical).join("/")}`;
  // Looked for at the end: `%25%32%65` becomes one only now.
  if (/%25[0-9A-Fa-f]{2}/.test(path)) return refuse("the path contains an escape of an escape");
  return { ok: true, path, query };
}

type Segment = { readonly written: string; readonly canonical: string };

const canonicalSegment = (written: string): string =>
  written
    .replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
      const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
      return /[A-Za-z0-9\-._~]/.test(character) ? character : escape.toUpperCase();
    })
    .replace(/[^A-Za-z0-9\-._~!$&'()*+,=:@%]+/g, encodeURIComponent);

/** RFC 3986 section 5.2.4. A path that ends in a dot segment names a folder: it keeps a trailing slash. */
function resolveDots(segments: readonly Segment[]): readonly Segment[] {
  const resolved: Segment[] = [];
  for (const [at, segment] of segments.entries()) {
    const isDots = segment.canonical === "." || segment.canonical === "..";
    if (segment.canonical === "..") resolved.pop();
    if (!isDots) resolved.push(segment);
    else if (at === segments.length - 1) resolved.push({ written: "", canonical: "" });
  }
  return resolved;
}

/** Whether the escapes spell valid UTF-8: no overlong forms, no surrogates; and no lone surrogate beside them. */
function isUtf8(text: string): boolean {
  try {
    decodeURIComponent(text);
    return text.isWellFormed();
  } catch {
    return false;
  }
}

const refuse = (because: string): Target => ({ ok: false, because });

import { combined, methodFits, ruleFor } from "./match.ts";
import type { RouteRule, RouteTable } from "./rule.ts";

/**
 * Paths that go to the origin byte for byte, below the literal beginning of a rule that says so: an identifier with an
 * escaped slash, matrix parameters, a URL inside a path.
 *
 * Such a path has several readings, and nobody here knows the origin's. So what decides is the strictest of all: of the
 * rule itself, and of every rule that a decoded reading of the path would meet.
 *
 * @param raw the path as it was sent.
 * @returns `null`: no such rule names this path. `"refused"`: it has a reading that leads to Rekey itself, or too many.
 */
export function opaqueRuleFor(table: RouteTable, method: string, raw: string): RouteRule | "refused" | null {
  const own = table.rules.find(
    (rule) => rule.paths === "opaque" && methodFits(rule, method) && raw.startsWith(rule.path.slice(0, -1)),
  );
  if (own === undefined) return null;
  const readings = readingsOf(raw);
  if (readings === null) return "refused";
  let rule = own;
  for (const reading of readings) {
    if (/^\/+_rekey(?:\/|$)/i.test(reading)) return "refused";
    const met = ruleFor(table, method, reading);
    if (met === null) return "refused";
    rule = combined(table, rule, met);
  }
  return rule;
}

/** More spellings than anybody has a use for. */
const MOST_READINGS = 64;

/** Every path that some server takes this text for; `null`: too many to look at. */
function readingsOf(raw: string): ReadonlySet<string> | null {
  const readings = new Set([raw]);
  // A set that grows while it is gone through: each reading is read again.
  for (const reading of readings) {
    for (const read of READERS) readings.add(read(reading));
    if (readings.size > MOST_READINGS) return null;
  }
  return readings;
}

/** What servers do to a path before they choose who answers it, one at a time and in any order. */
const READERS: readonly ((path: string) => string)[] = [
  (path) => path.replace(/%[0-9A-Fa-f]{2}/g, (escape) => fromCode(Number.parseInt(escape.slice(1), 16))),
  (path) => path.replaceAll("\\", "/"),
  (path) => path.replace(/;[^/]*/g, ""),
  (path) => path.replace(/\/{2,}/g, "/"),
  // oxlint-disable-next-line no-control-regex -- where a text ends for some servers
  (path) => path.replace(/[?#\u0000][^]*$/, "") || "/",
  // oxlint-disable-next-line no-control-regex -- characters that some servers drop
  (path) => path.replace(/[\u0000-\u0020]/g, ""),
  // UTF-8 that is longer than it needs to be, and characters that are compatible with a dot or a slash.
  (path) =>
    path.replace(/(?:\u00c0|\u00e0\u0080)([\u0080-\u00bf])/g, (_, last: string) => fromCode(last.charCodeAt(0) - 0x80)),
  (path) => path.replace(/%u([0-9A-Fa-f]{4})/g, (_, hex: string) => fromCode(Number.parseInt(hex, 16))),
  compatible,
  resolveDots,
];

const fromCode = (code: number): string => String.fromCharCode(code);

function compatible(path: string): string {
  try {
    return decodeURIComponent(path).normalize("NFKC");
  } catch {
    return path;
  }
}

function resolveDots(path: string): string {
  const segments = path.split("/");
  if (!segments.some((segment) => segment === "." || segment === "..")) return path;
  const resolved: string[] = [];
  for (const segment of segments.slice(1)) {
    if (segment === "..") resolved.pop();
    else if (segment !== ".") resolved.push(segment);
  }
  return `/${resolved.join("/")}`;
}

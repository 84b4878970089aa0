import type { Pattern } from "./pattern.ts";

/**
 * The readings of a path by frameworks that take several spellings for one route: Express and ASP.NET heed no case,
 * Express, Django, Rails and Spring no trailing slash, Rails and Spring no extension (`/reports.json`), and all of them
 * decode escapes. A rule that is met by such a reading has been met: see `match.ts`.
 */

/** Paths that are their own folded reading: nearly all there are. No capitals, escapes, trailing slash or extension. */
export const FOLDED = /^\/(?:[a-z0-9\-._~!$&'()*+,=:@]+\/)*(?:\.?[a-z0-9\-_~!$&'()*+,=:@]+)?$/;

/** The segments of a canonical path without what is no difference to many frameworks: case, escapes, a trailing slash. */
export function foldSegments(segments: readonly string[]): readonly string[] {
  const folded = segments.map(foldSegment);
  return folded.length > 2 && folded.at(-1) === "" ? folded.slice(0, -1) : folded;
}

/** A pattern folded like a path. */
export const foldPattern = ({ segments, open }: Pattern): Pattern => ({
  segments: open ? segments.map(foldSegment) : foldSegments(segments),
  open,
});

/** The same segments without the extension of the last one, or the same if it has none. A name may begin with a dot. */
export function withoutExtension(segments: readonly string[]): readonly string[] {
  const last = segments.at(-1) ?? "";
  const dot = last.indexOf(".", 1);
  return dot === -1 ? segments : [...segments.slice(0, -1), last.slice(0, dot)];
}

/** Capitals first: some letters have no capital of their own, and are taken for the letter whose capital they share. */
const foldSegment = (segment: string): string => decoded(segment).toUpperCase().toLowerCase();

function decoded(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    // Not in a canonical path. Of another one, its own spelling is a reading too.
    return segment;
  }
}

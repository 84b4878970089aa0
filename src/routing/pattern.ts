/** What the segments of a path must be; `open`: any number of others may follow. */
export type Pattern = { readonly segments: readonly string[]; readonly open: boolean };

/** A pattern, taken apart. */
export function patternOf(path: string): Pattern {
  const segments = path.split("/");
  const open = segments.at(-1) === "*";
  return { segments: open ? segments.slice(0, -1) : segments, open };
}

export function fits({ segments, open }: Pattern, given: readonly string[]): boolean {
  if (open ? given.length < segments.length : given.length !== segments.length) return false;
  for (let at = 0; at < segments.length; at++) {
    if (segments[at] === "*" ? given[at] === "" : segments[at] !== given[at]) return false;
  }
  return true;
}

/** Whether every path that fits the second pattern fits the first. */
export function covers(wide: Pattern, narrow: Pattern): boolean {
  if (!wide.open && narrow.open) return false;
  if (wide.open ? narrow.segments.length < wide.segments.length : narrow.segments.length !== wide.segments.length) {
    return false;
  }
  return wide.segments.every(
    (segment, at) => segment === narrow.segments[at] || (segment === "*" && narrow.segments[at] !== ""),
  );
}

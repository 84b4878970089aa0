/** How many characters have to be inserted, deleted or replaced to make one text of another (Levenshtein's distance). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The known name that somebody probably meant; `null`: none is near. */
export function nearest(name: string, known: readonly string[]): string | null {
  const text = name.toLowerCase();
  const most = Math.max(1, Math.floor(text.length / 4));
  const ranked = known
    .map((each) => ({ each, far: distance(text.slice(0, 64), each.toLowerCase()) }))
    .toSorted((a, b) => a.far - b.far);
  return ranked[0] !== undefined && ranked[0].far <= most ? ranked[0].each : null;
}

/** The question after an error, or nothing. */
export const didYouMean = (meant: string | null): string => (meant === null ? "" : ` Did you mean ${meant}?`);

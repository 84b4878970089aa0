/** A bug that is planted on purpose, and who must catch it. */
export type Mutant = {
  /** The bug in a few words, as a postmortem would name it. */
  readonly bug: string;
  /** Which promise it breaks: by its number, or one of the gateway's, which have none. */
  readonly breaks: `P${number}` | "rules" | "forward-auth";
  readonly file: string;
  /** `from` must occur exactly once in the file; how it is laid out does not matter. */
  readonly edits: readonly { readonly from: string; readonly to: string }[];
  readonly catcher: Catcher;
};

/** A campaign at a small size, or a test file. */
export type Catcher =
  | { readonly campaign: string; readonly size: number }
  | { readonly project: "unit" | "runtime" | "outside" | "proof"; readonly test: string };

/** How people call a catcher. */
export const nameOf = (catcher: Catcher): string =>
  "campaign" in catcher ? `${catcher.campaign} (${catcher.size})` : catcher.test;

/**
 * The text of the file with the bug in it.
 * @throws if an edit does not fit: the code has moved on, and the bug must be planted anew.
 */
export function plant({ bug, file, edits }: Mutant, source: string): string {
  return edits.reduce((text, { from, to }) => {
    const [start, end] = placeOf(from, text) ?? [];
    if (start === undefined) throw new Error(`"${bug}" does not fit ${file} any more: ${from}`);
    return text.slice(0, start) + to + text.slice(end);
  }, source);
}

/** Where a piece of code stands in a text, whatever the white space in either; `null` unless it stands there once. */
function placeOf(code: string, text: string): readonly [start: number, end: number] | null {
  const places = Array.from({ length: text.length }, (_, at) => at).filter((at) => /\S/.test(text.charAt(at)));
  const dense = places.map((at) => text[at]).join("");
  const wanted = code.replaceAll(/\s/g, "");
  const found = dense.indexOf(wanted);
  if (found === -1 || dense.includes(wanted, found + 1)) return null;
  return [places[found]!, places[found + wanted.length - 1]! + 1];
}

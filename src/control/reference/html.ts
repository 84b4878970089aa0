/** Text that is HTML already. Only `html` makes it, so whatever was put into it is escaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template. Nothing is written for `null` and `false`. */
export type Part = string | number | Html | null | false | readonly Part[];

/** A template in which everything is text unless it is `Html`. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(strings.map((string, index) => (index === 0 ? string : written(parts[index - 1]!) + string)).join(""));

/** Text for people: what stands between backticks is code, an empty line begins a paragraph. */
export const prose = (text: string): readonly Html[] =>
  text.split("\n\n").map((paragraph) => html`<p>${inline(paragraph)}</p>`);

/** One line of text for people: what stands between backticks is code. */
export const inline = (text: string): readonly Part[] =>
  text.split("`").map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part));

function written(part: Part): string {
  if (part === null || part === false) return "";
  if (part instanceof Html) return part.text;
  return typeof part === "object" ? part.map(written).join("") : escaped(String(part));
}

const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character]!);

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { format } from "prettier";

const docs = join(import.meta.dirname, "..", "..", "docs");
const PERFORMANCE = join(docs, "performance.md");

/** The parts of docs/performance.md that are written by a run, in their order. The text around them is written by hand. */
export type Section = "bench" | "peers" | "growth";

const begin = (section: Section): string => `<!-- begin ${section}: written by a run -->`;
const end = (section: Section): string => `<!-- end ${section} -->`;

/**
 * A document in which one section is new and everything else is as it was.
 * @throws if it has no such section: a run adds nothing where nobody expects it.
 */
export function replaceSection(document: string, section: Section, content: string): string {
  const from = document.indexOf(begin(section));
  const to = document.indexOf(end(section));
  if (from === -1 || to < from) throw new Error(`docs/performance.md has no section ${section}`);
  return `${document.slice(0, from)}${begin(section)}\n\n${content.trim()}\n\n${document.slice(to)}`;
}

/** Writes one section of docs/performance.md, and its plots (by file name) to docs/performance/. */
export async function writeSection(
  section: Section,
  content: string,
  plots: Readonly<Record<string, string>> = {},
): Promise<void> {
  const document = replaceSection(await readFile(PERFORMANCE, "utf8"), section, content);
  await writeFile(PERFORMANCE, await format(document, { parser: "markdown", printWidth: 120 }));
  for (const [name, svg] of Object.entries(plots)) {
    const path = join(docs, "performance", name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, svg);
  }
}

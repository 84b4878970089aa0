import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** Whether a file has a test of this title: as a test's title, not anywhere in a comment. */
export function hasTest(file: string, title: string): boolean {
  if (!existsSync(join(root, file))) return false;
  const source = readFileSync(join(root, file), "utf8");
  // Quoted, and behind the opening of a call or of a list, or alone on its line.
  const quoted = [`("${title}"`, `["${title}"`, `  "${title}"`, `(\`${title}\``];
  return quoted.some((each) => source.includes(each));
}

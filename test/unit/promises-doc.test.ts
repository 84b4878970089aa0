import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hasTest } from "../support/named-tests.ts";

const root = join(import.meta.dirname, "../..");
const document = readFileSync(join(root, "docs/promises.md"), "utf8");

type Named = { readonly promise: string; readonly file: string; readonly title: string };

/** Every test that docs/promises.md names: `- \`file\`` and below it `  - title`, in the section of a promise. */
function testsNamedIn(text: string): Named[] {
  const named: Named[] = [];
  let [promise, file] = ["", ""];
  for (const line of text.split("\n")) {
    promise = /^## (P\d+)\. /.exec(line)?.[1] ?? promise;
    file = /^- `(test\/[^`]+)`$/.exec(line)?.[1] ?? file;
    const title = /^ {2}- (.+)$/.exec(line)?.[1];
    if (title !== undefined) named.push({ promise, file, title });
  }
  return named;
}

const named = testsNamedIn(document);

describe("docs/promises.md", () => {
  it.each(named)("$promise: $file has the test: $title", ({ file, title }) => {
    expect(hasTest(file, title)).toBe(true);
  });

  it("names tests for every promise it makes, and says of each how it was broken", () => {
    const sections = document.split(/^## (?=P\d)/m).slice(1);
    const promises = sections.map((section) => section.slice(0, section.indexOf(".")));
    expect(promises).toEqual(["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10", "P11", "P12", "P13", "P14"]);
    for (const [at, section] of sections.entries()) {
      expect(named.filter(({ promise }) => promise === promises[at]).length).toBeGreaterThan(0);
      expect(section).toMatch(/^Broken by: /m);
    }
  });

  it("names every file of test/promises and of test/race", () => {
    const files = ["test/promises", "test/race"].flatMap((folder) =>
      readdirSync(join(root, folder)).map((file) => `${folder}/${file}`),
    );
    expect(files.filter((file) => !named.some((each) => each.file === file))).toEqual([]);
  });
});

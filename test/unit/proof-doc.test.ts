import { describe, expect, it } from "vitest";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { unexplained } from "../proof/report/explained.ts";

const docs = join(import.meta.dirname, "../../docs");
const page = readFileSync(join(docs, "proof.md"), "utf8");

describe("the page that a run of the proof writes", () => {
  it("lists no violation that nobody has explained", () => {
    expect(unexplained(page)).toEqual([]);
  });

  it("explains in documents that are there", () => {
    const links = [...page.matchAll(/\]\((postmortems\/[^)#]+)/g)].map(([, path]) => path!);
    expect(links.length).toBeGreaterThan(0);
    for (const path of links) expect(readFileSync(join(docs, path), "utf8")).not.toBe("");
  });
});

describe("a violation", () => {
  const pageWith = (...lines: string[]) =>
    `| C3 | kills | 100 | seen | 5 | ${lines.filter((line) => line.startsWith("- ")).length} | |\n\n${lines.join("\n")}\n`;

  it("is not explained by being listed, nor by what explains another one", () => {
    const twice = pageWith(
      "- C3: a row is gone",
      "  Explained: late, see [0013](postmortems/0013-x.md).",
      "- C3: another",
    );
    expect(unexplained(twice)).toEqual(["C3: another"]);
    expect(unexplained(pageWith("- C3: a row is gone"))).toEqual(["C3: a row is gone"]);
  });

  it.each(["", "  Explained:", "  Explained: it is all right, nothing to see here at all."])(
    "is not explained by %j, which names no document",
    (line) => {
      expect(unexplained(pageWith("- C3: a row is gone", line))).toEqual(["C3: a row is gone"]);
    },
  );

  it("may not be counted and left out of the list", () => {
    expect(unexplained("| C3 | kills | 100 | seen | 5 | 2 | |\n\n- C3: a row is gone\n")).toEqual([
      "C3: counts 2 violations and lists 1",
      "C3: a row is gone",
    ]);
  });
});

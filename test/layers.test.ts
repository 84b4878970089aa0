import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const DESIGN = readFileSync(join(root, "docs/design/README.md"), "utf8");

/**
 * Who may import whom, as the table of the folders in docs/design/README.md has it: what stands in a row, and the folder
 * itself. What is not named is out of reach. An entry is a folder, a single file or a package.
 */
const MAY_REACH: ReadonlyMap<string, readonly string[]> = new Map(
  [...DESIGN.matchAll(/^\| `src\/([\w.-]+?)\/?` \|.*\| ([^|]*) \|$/gm)].map(([, layer, row]) => [
    layer!,
    [layer!, ...[...row!.matchAll(/`([^`]+)`/g)].map(([, entry]) => entry!)],
  ]),
);

/** Commands for people, run by Node on a laptop: nothing of the Worker may reach them, so they are never bundled. */
const NEVER_BUNDLED = "local";

const src = join(root, "src");
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .map((file) => file.split(sep).join("/"))
  .filter((file) => file.endsWith(".ts") && !file.startsWith(`${NEVER_BUNDLED}/`));

/** Everything that the text imports, whether values or types: `from "x"`, `import "x"`, `import("x")`, `require("x")`. */
export function importsOf(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const specifier = /(?:(?<!["'`])\bfrom\s*|\bimport\s*|\bimport\s*\(\s*|\brequire\s*\(\s*)(["'`])([^"'`]+)\1/g;
  return [...code.matchAll(specifier)].map((match) => match[2]!);
}

/** What a file reaches: paths below src, or names of packages. */
const reachedBy = (file: string): string[] =>
  importsOf(readFileSync(join(src, file), "utf8")).map((to) => placeOf(file, to));

const placeOf = (file: string, to: string): string =>
  to.startsWith(".")
    ? relative(src, join(src, dirname(file), to))
        .split(sep)
        .join("/")
    : to;

const layerOf = (file: string): string => file.split("/")[0]!;

test.each(files)("%s reaches only what its layer may", (file) => {
  const allowed = MAY_REACH.get(layerOf(file));
  expect(allowed, "a layer without a rule").toBeDefined();
  const forbidden = reachedBy(file).filter((to) => !allowed!.some((may) => to === may || to.startsWith(`${may}/`)));
  expect(forbidden).toEqual([]);
});

describe("the design", () => {
  test.each([...MAY_REACH.keys()])("has no row for what is not there: %s", (layer) => {
    expect(readdirSync(src)).toContain(layer);
  });

  test("reaches the core of the promise: a key reaches nothing, the gateway no ledger", () => {
    expect(MAY_REACH.get("key")).toEqual(["key"]);
    expect(MAY_REACH.get("edge")!.filter((entry) => entry.startsWith("ledger"))).toEqual([]);
  });

  test.each([...new Set([...DESIGN.matchAll(/`((?:[\w-]+\/)+[\w.-]+\.(?:ts|json))`/g)].map(([, path]) => path!))])(
    "names a file that there is: %s",
    (path) => expect(existsSync(join(src, path)) || existsSync(join(root, path))).toBe(true),
  );

  test.each(files.filter((file) => file.startsWith("key/")).map((file) => basename(file, ".ts")))(
    "says what key/%s.ts is about",
    (name) => {
      // A file that is named after another one belongs to it.
      const isNamed = MAP.some((entry) => name === entry || name.startsWith(`${entry}-`));
      expect(isNamed).toBe(true);
    },
  );
});

/** The files of src/key by idea, as the design has them. */
const MAP = [
  ...DESIGN.slice(DESIGN.indexOf("\n## The files of src/key"))
    .split("\n## ")[1]!
    .matchAll(/`([\w-]+)`/g),
].map(([, name]) => name!);

/** What is still imported when the types are gone. */
export const valuesImportedBy = (text: string): string[] =>
  importsOf(text.replaceAll(/\b(?:import|export)\s+type\b[^;]*?\bfrom\s*(["'`])[^"'`]+\1/g, ""));

describe("of what is not its own, this takes only types", () => {
  const inside = (folder: string) => files.filter((file) => file.startsWith(`${folder}/`));
  const outside = (folder: string) => files.filter((file) => !file.startsWith(`${folder}/`));
  const reached = (file: string) =>
    valuesImportedBy(readFileSync(join(src, file), "utf8")).map((to) => placeOf(file, to));

  test.each(inside("client"))("%s, which runs in other people's programs", (file) => {
    expect(reached(file).filter((to) => !to.startsWith("client/"))).toEqual([]);
  });

  test.each(outside("control/openapi"))("%s, of what only writes the document", (file) => {
    expect(reached(file).filter((to) => to.startsWith("control/openapi/"))).toEqual([]);
  });
});

test("no file is reached from itself", () => {
  const reaches = new Map(files.map((file) => [file, reachedBy(file).filter((to) => files.includes(to))]));
  const cycleFrom = (path: readonly string[]): readonly string[] | null => {
    const here = path.at(-1)!;
    if (path.indexOf(here) < path.length - 1) return path.slice(path.indexOf(here));
    if (settled.has(here)) return null;
    for (const next of reaches.get(here)!) {
      const cycle = cycleFrom([...path, next]);
      if (cycle !== null) return cycle;
    }
    settled.add(here);
    return null;
  };
  const settled = new Set<string>();
  for (const file of files) expect(cycleFrom([file])).toBeNull();
});

describe("the rule sees every way to import", () => {
  test.each([
    ['import type { A } from "x"; import { b } from "y";', ["y"]],
    ['import type * as A from "x";', []],
    ['export type { A } from "x";\nexport { b } from "y";', ["y"]],
    ['import { type A, b } from "x";', ["x"]],
  ])("and tells values from types: %s", (text, reached) => {
    expect(valuesImportedBy(text)).toEqual(reached);
  });

  test.each([
    ['import { a } from "x";', ["x"]],
    ['import type { A } from "x";', ["x"]],
    ['import {\n  a,\n  type B,\n} from "x";', ["x"]],
    ['import "x";', ["x"]],
    ['export * from "x";', ["x"]],
    ['const x = await import("x");', ["x"]],
    ['type A = import("x").A;', ["x"]],
    ["const x = require('x');", ["x"]],
    ['import a from "x"; import b from "y";', ["x", "y"]],
    ['// import { a } from "x";', []],
    ['/** Like `import "x"`, but not. */', []],
    ['const text = "from here to there";', []],
  ])("%s", (text, reached) => {
    expect(importsOf(text)).toEqual(reached);
  });
});

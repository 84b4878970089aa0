import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { describe, expect, it } from "vitest";

/**
 * What lives as long as an isolate, or an object, and can grow: each by name, with what bounds it. One that is missing
 * here fails, so that whoever adds one has to say what keeps a caller from filling it.
 */
const BOUNDED: Readonly<Record<string, string>> = {
  "control/note-read.ts pendings": "100 and one (MOST_APART) for each binding to D1, emptied within a second",
  "control/operations/readyz.ts probes": "one for each binding to D1, gone with it",
  "control/operations/show-reference.ts written": "one page",
  "edge/assertion.ts keys": "one for each assertion key of the settings, gone with them",
  "edge/hop.ts marks": "one for each reading of the settings, gone with it",
  "env.ts readings": "one for each environment, gone with it",
  "http/dead-secrets.ts #dead": "4,096 secrets (MOST), each for a minute",
  "http/is-one-of.ts digests": "one for each token of the settings; never what a caller presents",
  "http/misconfigured.ts logged": "one for each reading of the settings, gone with it",
  "key/credential.ts keys": "one for each pepper of the settings, gone with it",
  "key/local-time.ts zones": "the names of the IANA database, in lower case; only what is one is added",
  "key/local-time.ts formatters": "128, whatever zones are asked for",
  "key-object/tally.ts #refused": "one for each minute and reason, of which there are few; emptied within 5 seconds",
  "key-object/tally.ts #clients": "64 addresses (key/client.ts)",
  "key-object/state.ts #events": "what the next write takes, and empties",
  "key-object/state.ts #hours": "what the next write takes, and empties",
  "routing/match.ts compiledTables": "one for each table of rules, gone with it",
  "routing/match.ts #combined":
    "1,024 pairs of rules (MOST_COMBINED); their outer entries are the rules of the setting",
  "webhook-object/handover.ts #handedOver": "no more than may be under way at once",
  "webhook-object/sending.ts #underWay": "the connections that a webhook has open, which are few",
};

const src = join(import.meta.dirname, "../../src");
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .map((file) => file.split(sep).join("/"))
  // Programs for people end, and what runs in other people's programs holds no state.
  .filter((file) => file.endsWith(".ts") && !file.startsWith("local/"));

const MADE = String.raw`= (?:new (?:Weak)?(?:Map|Set)\b|\[|\{|Object\.create\(|new Array)`;
const COLLECTION = new RegExp(String.raw`^(?:export )?const (\w+)([^=\n]*) ${MADE}`);
const FIELD = new RegExp(String.raw`^ {2}(?:static |readonly |private )*(#?\w+)((?:: [^=\n]+)?) ${MADE}`);
const DECLARED = /^ {2}(?:static |readonly |private )*(#?\w+)(: (?:Weak)?(?:Map|Set)<.*);$/;
const VARIABLE = /^(?:export )?let (\w+)/;

/** The variables of a file, and the collections that something adds to, which live longer than a call. */
export function growing(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => {
    const variable = VARIABLE.exec(line);
    if (variable !== null) return [variable[1]!];
    const collection = COLLECTION.exec(line) ?? FIELD.exec(line) ?? DECLARED.exec(line);
    if (collection === null || /readonly/i.test(collection[2]!)) return [];
    // A parameter that has nothing by itself.
    if (line.endsWith(",")) return [];
    const name = collection[1]!;
    const added = String.raw`(?<![\w#])${name}(?:\.(?:set|add|push|unshift|splice|fill)\(|\[[^\]\n]+\] (?:\?\?)?= )`;
    // One that begins empty and is handed to somebody else to fill.
    const isEmpty = /= (?:new \w+(?:<.*>)?\(\)|\[\]|\{\});$/.test(line) || DECLARED.test(line);
    const handed = String.raw`\w\((?:[^()\n]*, )?(?:this\.)?${name}(?:, [^()\n]*)?\)`;
    return new RegExp(isEmpty ? `${added}|${handed}` : added).test(text) ? [name] : [];
  });
}

describe("what outlives a call", () => {
  const found = files.flatMap((file) =>
    growing(readFileSync(join(src, file), "utf8")).map((name) => `${file} ${name}`),
  );

  it("is bounded, each by name", () => {
    expect(found.filter((each) => !(each in BOUNDED))).toEqual([]);
  });

  it("is named for as long as it is there", () => {
    expect(Object.keys(BOUNDED).filter((each) => !found.includes(each))).toEqual([]);
  });

  it.each([
    "const seen = new Set<string>();\nconst f = (x: string) => seen.add(x);",
    "export const seen: Map<string, string> = new Map();\nconst f = (x: string) => seen.set(x, x);",
    "const seen: Record<string, string> = {};\nconst f = (x: string) => { seen[x] = x; };",
    "const seen: string[] = [];\nconst f = (x: string) => seen.push(x);",
    "const seen = new WeakMap<object, string>();\nconst f = (x: object) => remember(seen, x);",
    "class A {\n  readonly seen = new Map<string, string>();\n  f = (x: string) => this.seen.set(x, x);\n}",
    "class A {\n  readonly seen: Map<string, string>;\n  f = (x: string) => this.seen.set(x, x);\n}",
    "let seen = [];",
  ])("is found: %j", (text) => {
    expect(growing(text)).toEqual(["seen"]);
  });

  it.each([
    'const NAMES = new Set(["a"]);\nconst f = (x: string) => NAMES.has(x);',
    "const f = () => {\n  const seen = new Set<string>();\n  seen.add('');\n};",
  ])("is not what nothing adds to, or lives for a call: %j", (text) => {
    expect(growing(text)).toEqual([]);
  });
});

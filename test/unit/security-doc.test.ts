import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hasTest } from "../support/named-tests.ts";

const root = join(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const document = read("SECURITY.md");

type Named = { readonly row: string; readonly file: string; readonly title: string };

/** Every test that SECURITY.md names: a file in code, a colon, and titles in quotation marks. */
function testsNamedIn(text: string): Named[] {
  return text.split("\n").flatMap((line) => {
    const row = /^\| ([^|]+) \|/.exec(line)?.[1] ?? "";
    return [...line.matchAll(/`(test\/[^`]+)`: (“[^”]+”(?:, “[^”]+”)*)/g)].flatMap(([, file, titles]) =>
      [...titles!.matchAll(/“([^”]+)”/g)].map(([, title]) => ({ row, file: file!, title: title! })),
    );
  });
}

const named = testsNamedIn(document);

/** Attacks that came later, beside one of the list. */
const MORE: Readonly<Record<string, readonly string[]>> = { A9: ["b", "c"], A16: ["b"] };

describe("SECURITY.md", () => {
  it.each(named)("$row: $file has the test: $title", ({ file, title }) => {
    expect(hasTest(file, title)).toBe(true);
  });

  it("answers every attack of the list, each with a test", () => {
    const attacks = [...document.matchAll(/^\| (A\d+[bc]?) \|/gm)].map(([, attack]) => attack);
    const numbers = Array.from({ length: 30 }, (_, at) => `A${at + 1}`);
    expect(attacks).toEqual(numbers.flatMap((attack) => ["", ...(MORE[attack] ?? [])].map((more) => attack + more)));
    expect(attacks.filter((attack) => !named.some(({ row }) => row === attack))).toEqual([]);
  });

  it("names no test in a way that is not checked", () => {
    const files = [...document.matchAll(/`(test\/[^`]+\.test\.ts)`/g)].map(([, file]) => file!);
    const checked = new Set(named.map(({ file }) => file));
    expect(files.filter((file) => !checked.has(file) && file !== "test/unit/security-doc.test.ts")).toEqual([]);
  });
});

describe("the configuration that is deployed", () => {
  const settings = read("wrangler.toml")
    .split("\n")
    .filter((line) => !line.trim().startsWith("#"))
    .join("\n");

  it("puts no cache before the Worker, opens no second door, and keeps query strings out of logs", () => {
    expect(settings).not.toMatch(/^\s*\[?\s*cache\b/m);
    expect(settings).toMatch(/^preview_urls = false$/m);
    expect(settings).toMatch(/^redact_query_string = true$/m);
  });

  it("has no secret in it, and every secret of the example is empty", () => {
    const secrets = [...read(".dev.vars.example").matchAll(/^([A-Z_]+) ?= ?(.*)$/gm)];
    expect(secrets.map(([, name]) => name)).toContain("REKEY_ADMIN_TOKEN");
    for (const [, name, value] of secrets) {
      expect([name, value!.replaceAll('"', "")]).toEqual([name, ""]);
      expect(settings).not.toMatch(new RegExp(`^${name} =`, "m"));
    }
  });

  it("never passes on what has failed: no request goes to the origin because the Worker broke", () => {
    const code = globSync("src/**/*.ts", { cwd: root }).map(read).join("\n");
    expect(code).not.toContain("passThroughOnException(");
  });
});

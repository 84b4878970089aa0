import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { describe, expect, test } from "vitest";

/**
 * Who may import whom; what is not named is out of reach. An entry is a folder, a single file or a package.
 *
 * `key` reaches nothing but itself: not hono, not the platform, not the clock. `edge` does
 * not reach the ledger: "nothing is admitted from a copy" is a fact about these arrows.
 */
const MAY_REACH: Readonly<Record<string, readonly string[]>> = {
  key: ["key"],
  "key-object": ["key-object", "key", "env.ts", "ledger/deliver.ts", "cloudflare:workers"],
  "owner-object": [
    "owner-object",
    "key",
    "env.ts",
    "key-object/rpc.ts",
    "ledger/keys.ts",
    "ledger/owners.ts",
    "cloudflare:workers",
  ],
  // What a webhook is: where it may lead, how a message is signed, when it is tried again.
  webhook: ["webhook", "key", "http/event-json.ts"],
  "webhook-object": [
    "webhook-object",
    "webhook",
    "key",
    "env.ts",
    "key-object/rpc.ts",
    "ledger/stream.ts",
    "ledger/webhooks.ts",
    "cloudflare:workers",
  ],
  ledger: ["ledger", "key"],
  http: ["http", "key", "env.ts", "key-object/rpc.ts", "hono"],
  edge: ["edge", "http", "key", "env.ts", "key-object/rpc.ts", "routes.ts", "hono", "jose"],
  control: [
    "control",
    "http",
    "key",
    "ledger",
    "env.ts",
    "key-object/rpc.ts",
    "owner-object/rpc.ts",
    "webhook",
    "webhook-object/rpc.ts",
    "webhook-object/wake.ts",
    "../docs/openapi.json",
    "hono",
    "zod",
    // The entrypoint for other Workers.
    "cloudflare:workers",
  ],
  // In other people's programs: the types of the contract, and nothing of ours at run time.
  client: ["client", "control/schema", "zod"],
  // In other people's Workers: as little of ours as reading a credential and writing a refusal take.
  hono: [
    "hono",
    "control/schema/verify.ts",
    "control/service.ts",
    "http/codes.ts",
    "http/problem.ts",
    "http/read-credential.ts",
  ],
  // Settings are made of what a credential is made of.
  "env.ts": ["key", "routes.ts", "node:crypto"],
  // What a path asks is judged as strictly as a request body.
  "routes.ts": ["key", "zod"],
  // What is done every minute, whoever asks for something meanwhile.
  chores: ["chores", "http", "key", "ledger", "env.ts", "key-object/rpc.ts", "webhook-object/wake.ts"],
  "scheduled.ts": ["chores", "key", "env.ts"],
  // Wiring: the planes meet here and nowhere else.
  "index.ts": [
    "control",
    "edge",
    "http",
    "key",
    "key-object/key-object.ts",
    "owner-object/owner-object.ts",
    "webhook-object/webhook-object.ts",
    "scheduled.ts",
    "env.ts",
    "hono",
    "cloudflare:workers",
  ],
};

/** Commands for people, run by Node on a laptop: nothing of the Worker may reach them, so they are never bundled. */
const NEVER_BUNDLED = "local";

const src = join(import.meta.dirname, "../src");
const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .map((file) => file.split(sep).join("/"))
  .filter((file) => file.endsWith(".ts") && !file.startsWith(`${NEVER_BUNDLED}/`));

/** Everything that the text imports, whether values or types: `from "x"`, `import "x"`, `import("x")`, `require("x")`. */
export function importsOf(text: string): string[] {
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const specifier = /(?:\bfrom\s*|\bimport\s*|\bimport\s*\(\s*|\brequire\s*\(\s*)(["'`])([^"'`]+)\1/g;
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
  const allowed = MAY_REACH[layerOf(file)];
  expect(allowed, "a layer without a rule").toBeDefined();
  const forbidden = reachedBy(file).filter((to) => !allowed!.some((may) => to === may || to.startsWith(`${may}/`)));
  expect(forbidden).toEqual([]);
});

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

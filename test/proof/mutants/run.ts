/**
 * `npm run proof:mutants`: plants one bug after the other into a copy of the product, and lets its catcher run. A bug
 * that nobody catches means that a test is missing.
 *
 *     npm run proof:mutants                  all of them, and what came of it into docs/proof.md
 *     npm run proof:mutants -- quota grace   those whose description has one of these words
 */
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { cp, mkdtemp, readFile, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writePlantedBugs } from "../report/report.ts";
import { MUTANTS } from "./all.ts";
import { nameOf, plant, type Catcher, type Mutant } from "./mutant.ts";

const root = join(import.meta.dirname, "../../..");
const PARTS = ["src", "test", "migrations", "docs", "package.json", "tsconfig.json", "wrangler.toml"];

/** What a catcher did, and the line of its output that says why it complains. One that cannot run has caught nothing. */
type Verdict = {
  readonly outcome: "content" | "complains" | "no verdict";
  readonly says: string;
  readonly seconds: number;
};

async function copyOfTheProduct(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "rekey-mutants-"));
  for (const part of PARTS) await cp(join(root, part), join(copy, part), { recursive: true });
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

async function askCatcher(catcher: Catcher, copy: string): Promise<Verdict> {
  const began = performance.now();
  const [command, args, env] =
    "campaign" in catcher
      ? [process.execPath, ["test/proof/run.ts", catcher.campaign], { SIZE: String(catcher.size), SEED: "1" }]
      : [
          join(copy, "node_modules/.bin/vitest"),
          ["run", "--config", "test/vitest.config.ts", "--project", catcher.project, "--bail", "1", catcher.test],
          { NO_COLOR: "1" },
        ];
  const { REKEY_ARTEFACTS: _built, ...inherited } = process.env;
  const child = spawn(command, args, { cwd: copy, env: { ...inherited, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => chunks.push(chunk.toString()));
  const code = await new Promise((resolve) => child.once("close", resolve));
  const output = chunks.join("");
  const says = output.split("\n").find((line) => /VIOLATION|AssertionError|✗|×/.test(line));
  const outcome = code === 0 ? "content" : says === undefined ? "no verdict" : "complains";
  if (outcome === "no verdict") console.log(output);
  return { outcome, says: says?.trim() ?? "", seconds: (performance.now() - began) / 1000 };
}

async function isCaught(mutant: Mutant, copy: string): Promise<boolean> {
  const path = join(copy, mutant.file);
  const source = await readFile(path, "utf8");
  await writeFile(path, plant(mutant, source));
  try {
    const { outcome, says, seconds } = await askCatcher(mutant.catcher, copy);
    const caught = outcome === "complains" ? "caught" : `NOT CAUGHT (${outcome})`;
    console.log(`${caught} in ${seconds.toFixed(0)} s by ${nameOf(mutant.catcher)}: ${mutant.bug}`);
    if (says !== "") console.log(`    ${says.slice(0, 200)}`);
    return outcome === "complains";
  } finally {
    await writeFile(path, source);
  }
}

const words = process.argv.slice(2);
const chosen = MUTANTS.filter(({ bug }) => words.length === 0 || words.some((word) => bug.includes(word)));
const copy = await copyOfTheProduct();
process.once("exit", () => rmSync(copy, { recursive: true, force: true }));
process.once("SIGINT", () => process.exit(130));

// The control: without a bug nobody complains.
const catchers = new Map(chosen.map(({ catcher }) => [nameOf(catcher), catcher]));
for (const [name, catcher] of catchers) {
  const { outcome, says } = await askCatcher(catcher, copy);
  if (outcome !== "content") throw new Error(`without any planted bug ${name} ${outcome}: ${says}`);
  console.log(`${name} is content without a bug`);
}
const rows: string[] = [];
let caught = 0;
for (const mutant of chosen) {
  const isThisCaught = await isCaught(mutant, copy);
  caught += isThisCaught ? 1 : 0;
  rows.push(`| ${mutant.bug} | ${mutant.breaks} | ${isThisCaught ? nameOf(mutant.catcher) : "**nothing**"} |`);
}
const summary = `${caught} of ${chosen.length} planted bugs caught`;
console.log(summary);
if (words.length === 0) {
  const table = ["| planted bug | breaks | caught by |", "|---|---|---|", ...rows].join("\n");
  await writePlantedBugs(`${summary}, each by its named catcher alone (\`npm run proof:mutants\`).\n\n${table}`);
}
process.exitCode = caught === chosen.length ? 0 : 1;

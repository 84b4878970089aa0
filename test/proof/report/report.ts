import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Outcome } from "../run.ts";

const root = join(import.meta.dirname, "../../..");
const path = join(root, "docs/proof.md");

/** Parts of docs/proof.md that different commands write. */
type Part = "campaigns" | "planted bugs";

/** Puts what the campaigns found into docs/proof.md. @param ms how long all of it took: some ran side by side. */
export async function writeReport(seed: number, ms: number, outcomes: readonly Outcome[]): Promise<void> {
  const lines = [
    `Run of ${new Date().toISOString().slice(0, 10)}, seed ${seed}, ${Math.ceil(ms / 60_000)} minutes on ${await machine()}.`,
    "",
    "| | campaign | size | seen | seconds | violations | bound |",
    "|---|---|---|---|---|---|---|",
    ...outcomes.map(row),
    "",
    ...outcomes.flatMap(({ campaign, violations }) => violations.map((each) => `- ${campaign.name}: ${each}`)),
  ];
  await replacePart("campaigns", lines.join("\n").trim());
  console.log("docs/proof.md is written");
}

/** Puts the sentence about planted bugs, and what caught each, into docs/proof.md. */
export const writePlantedBugs = (text: string): Promise<void> => replacePart("planted bugs", text);

function row({ campaign, counts, violations, seconds, size }: Outcome): string {
  const { name, title, unit } = campaign;
  const seen = Object.entries(counts).map(([what, count]) => `${grouped(count)} ${what}`);
  // The rule of three: no failure in n trials bounds the rate of failures, at 95 % confidence.
  // A measurement of time, which is what has no short run, is one thing seen and not n trials.
  const bound =
    violations.length === 0 && campaign.short > 0
      ? `rate < ${(3 / size).toExponential(1)} per ${unit.replace(/s$/, "")}`
      : "";
  const cells = [
    name,
    title,
    `${grouped(size)} ${unit}`,
    seen.join(", "),
    seconds.toFixed(0),
    violations.length,
    bound,
  ];
  return `| ${cells.join(" | ")} |`;
}

async function machine(): Promise<string> {
  const { devDependencies } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  const { version: workerd } = JSON.parse(await readFile(join(root, "node_modules/workerd/package.json"), "utf8")) as {
    version: string;
  };
  const { stdout: commit } = await promisify(execFile)("git", ["rev-parse", "--short", "HEAD"], { cwd: root });
  const processor = cpus()[0]?.model.trim() ?? "an unknown processor";
  return (
    `${availableParallelism()} cores (${processor}), Node ${process.versions.node}, workerd ${workerd}, ` +
    `wrangler ${devDependencies["wrangler"]}, commit ${commit.trim()}`
  );
}

async function replacePart(part: Part, text: string): Promise<void> {
  const document = await readFile(path, "utf8");
  const [begin, end] = [`<!-- ${part}: written by the run -->`, `<!-- end of ${part} -->`];
  const [before, rest] = document.split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`docs/proof.md has no part "${part}"`);
  await writeFile(path, `${before}${begin}\n\n${text}\n\n${end}${after}`);
}

const grouped = (count: number): string => count.toLocaleString("en-US");

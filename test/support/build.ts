import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import type { LegacyWorkerOptions } from "miniflare";
import type { TestProject } from "vitest/node";
import { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } from "wrangler";

const root = join(import.meta.dirname, "../..");
const wrangler = join(root, "node_modules/.bin/wrangler");

/** Which Worker: as it is deployed, or the same with a ledger that can be made to fail (worker-under-test.ts). */
const ARTEFACTS = ["deployed", "faulty-ledger"] as const;
export type Artefact = (typeof ARTEFACTS)[number];

const ENTRIES: Record<Artefact, string> = {
  deployed: "src/index.ts",
  "faulty-ledger": "test/support/worker-under-test.ts",
};

/** What serve.ts needs to know: where the bundles are, how wrangler.toml reads, the ledger's migrations as statements. */
export type Blueprint = {
  readonly bundles: Readonly<Record<Artefact, string>>;
  readonly worker: Pick<
    LegacyWorkerOptions,
    "bindings" | "compatibilityDate" | "durableObjects" | "ratelimits" | "serviceBindings"
  >;
  readonly migrations: readonly { readonly name: string; readonly statements: readonly string[] }[];
};

/**
 * Bundles the Workers once, the way a deployment does, into `directory`: a folder for each, and `blueprint.json`.
 * Running the bundle and not the sources is the point: what is tested is what would be uploaded.
 */
export async function build(directory: string, wanted: readonly Artefact[] = ARTEFACTS): Promise<void> {
  const fileOf = (artefact: Artefact) => join(directory, artefact, `${basename(ENTRIES[artefact], ".ts")}.js`);
  const bundle = async (artefact: Artefact) => {
    const outdir = join(directory, artefact);
    await promisify(execFile)(wrangler, ["deploy", ENTRIES[artefact], "--dry-run", "--outdir", outdir], {
      cwd: root,
      env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
    });
  };
  await Promise.all(wanted.map(bundle));

  const files = (await readdir(join(root, "migrations"))).filter((file) => file.endsWith(".sql"));
  const migrations = files.toSorted().map(async (name) => {
    const sql = await readFile(join(root, "migrations", name), "utf8");
    return { name, statements: unstable_splitSqlQuery(sql) };
  });
  const blueprint: Blueprint = {
    bundles: { deployed: fileOf("deployed"), "faulty-ledger": fileOf("faulty-ledger") },
    worker: unstable_getMiniflareWorkerOptions(join(root, "wrangler.toml")).workerOptions as Blueprint["worker"],
    migrations: await Promise.all(migrations),
  };
  await writeFile(join(directory, "blueprint.json"), JSON.stringify(blueprint));
}

/**
 * For vitest: builds before the first test, once for all projects, and again before each re-run of a watch; rekey.ts
 * finds it by REKEY_ARTEFACTS.
 */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (process.env["REKEY_ARTEFACTS"] !== undefined) return undefined;
  const directory = await mkdtemp(join(tmpdir(), "rekey-artefacts-"));
  await build(directory);
  project.onTestsRerun(() => build(directory));
  process.env["REKEY_ARTEFACTS"] = directory;
  // A hundred processes run the same few programs: each is compiled once.
  process.env["NODE_COMPILE_CACHE"] ??= join(directory, "compiled");
  return () => rm(directory, { recursive: true, maxRetries: 3 });
}

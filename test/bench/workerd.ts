import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { Miniflare, type MiniflareOptions } from "miniflare";
import { childProcesses } from "./cpu.ts";

const root = join(import.meta.dirname, "..", "..");

type WorkerConfig = MiniflareOptions["workers"][number]["config"];
type Bindings = NonNullable<WorkerConfig["env"]>;

/** The `compatibility_date` under which everything runs: the product's own. */
export const compatibilityDate = /^compatibility_date = "(.+)"$/m.exec(
  readFileSync(join(root, "wrangler.toml"), "utf8"),
)![1]!;

/**
 * Bundles a Worker exactly as a deploy would, and returns the text of the bundle.
 * @param entry another entry point than the one the configuration names, relative to the repository
 */
export async function bundle(configPath: string, entry?: string): Promise<string> {
  const outdir = await mkdtemp(join(tmpdir(), "rekey-bench-bundle-"));
  try {
    const wrangler = join(root, "node_modules", "wrangler", "bin", "wrangler.js");
    const main = entry ?? /^main = "(.+)"$/m.exec(await readFile(join(root, configPath), "utf8"))![1]!;
    const args = ["deploy", ...(entry === undefined ? [] : [entry]), "--config", configPath, "--dry-run"];
    await promisify(execFile)(process.execPath, [wrangler, ...args, "--outdir", outdir], {
      cwd: root,
      env: { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "true" },
    });
    return await readFile(join(outdir, basename(main).replace(/\.ts$/, ".js")), "utf8");
  } finally {
    await rm(outdir, { recursive: true, force: true });
  }
}

/** A Worker to be measured. */
export type Contestant = {
  readonly name: string;
  /** The text of its bundle. */
  readonly script: string;
  /** More modules beside the bundle, which it may import by name. */
  readonly modules?: Readonly<Record<string, string>>;
  /** Its Durable Object class. */
  readonly className?: string;
  /** The binding of that class. */
  readonly objects?: string;
  readonly env?: Bindings;
};

/** A Worker that runs in a workerd process of its own. */
export type Running = {
  readonly port: number;
  /** The workerd process; `null` where the system does not tell. */
  readonly pid: number | null;
  readonly d1: (binding: string) => Promise<D1Database>;
  readonly stop: () => Promise<void>;
};

/**
 * Runs a Worker in a workerd process of its own, with its storage on disk, reachable on a *direct* socket.
 *
 * Miniflare only writes workerd's configuration here. Its own port, where a proxy Worker in front of every request
 * costs a bare Hono Worker more than half of its throughput, is not used.
 *
 * Objects stay in memory: an eviction of a thousand of them in the middle of another row would be measured as that
 * row's. What waking costs is a question of its own.
 */
export async function start({ name, script, modules, className, objects, env }: Contestant): Promise<Running> {
  const state = await mkdtemp(join(tmpdir(), `rekey-bench-${name}-`));
  const before = new Set(childProcesses());
  const esm = (contents: string) => ({ type: "esm", contents }) as const;
  const beside = Object.entries(modules ?? {}).map(([path, contents]) => [path, esm(contents)] as const);
  const miniflare = new Miniflare({
    resourcePersistencePath: state,
    telemetry: { enabled: false },
    workers: [
      {
        config: {
          name,
          compatibilityDate,
          manifest: {
            mainModule: "index.js",
            modulesRoot: "/",
            modules: { "index.js": esm(script), ...Object.fromEntries(beside) },
          },
          env: {
            ...env,
            ORIGIN: { type: "worker", worker: "origin" },
            ...(objects && className && { [objects]: { type: "durable-object", worker: name, exportName: className } }),
          },
          ...(className && {
            exports: { [className]: { type: "durable-object", storage: "sqlite", unsafePreventEviction: true } },
          }),
        },
        dev: { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] },
      },
      { config: { name: "origin", compatibilityDate, manifest: originManifest } },
    ],
  });
  const url = await miniflare.unsafeGetDirectURL(name);
  return {
    port: Number(url.port),
    pid: childProcesses().find((pid) => !before.has(pid)) ?? null,
    d1: (binding) => miniflare.getD1Database(binding, name),
    stop: async () => {
      await miniflare.dispose();
      await rm(state, { recursive: true, force: true });
    },
  };
}

/** What the origin behind the gateway answers. */
export const ORIGIN_ANSWER = `{"served":"by the stub origin","padding":"${"o".repeat(400)}"}`;

/** A stub origin: it answers at once and always the same, so that what is measured is the gateway. */
const originManifest = {
  mainModule: "origin.js",
  modulesRoot: "/",
  modules: {
    "origin.js": {
      type: "esm",
      contents: `
        const headers = { "content-type": "application/json" };
        export default { fetch: () => new Response(${JSON.stringify(ORIGIN_ANSWER)}, { headers }) };
      `,
    },
  },
} as const;

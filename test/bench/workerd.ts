import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { Miniflare, type MiniflareOptions } from "miniflare";
import { unstable_readConfig } from "wrangler";
import { childProcesses } from "./cpu.ts";

const root = join(import.meta.dirname, "..", "..");

type WorkerConfig = MiniflareOptions["workers"][number]["config"];
type Bindings = NonNullable<WorkerConfig["env"]>;

/** A binding of plain data. */
type Json = Extract<Bindings[string], { type: "json" }>["value"];

/** What is read of a wrangler.toml. */
type Config = {
  readonly main: string;
  readonly compatibility_date: string;
  readonly vars: Readonly<Record<string, Json>>;
  readonly durable_objects: { readonly bindings: readonly { readonly name: string; readonly class_name: string }[] };
};

/** A Worker as a deploy would upload it: the text of its bundle, and what its configuration says. */
export type Artefact = { readonly script: string; readonly config: Config };

/**
 * Bundles a Worker exactly as a deploy would.
 * @param configPath relative to the repository
 * @param entry another entry point than the one the configuration names, relative to the repository
 */
export async function bundle(configPath: string, entry?: string): Promise<Artefact> {
  const config = unstable_readConfig({ config: join(root, configPath) }) as Config;
  const outdir = await mkdtemp(join(tmpdir(), "rekey-bench-bundle-"));
  try {
    const wrangler = join(root, "node_modules", "wrangler", "bin", "wrangler.js");
    const args = ["deploy", ...(entry === undefined ? [] : [entry]), "--config", configPath, "--dry-run"];
    await promisify(execFile)(process.execPath, [wrangler, ...args, "--outdir", outdir], {
      cwd: root,
      env: { ...process.env, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" },
    });
    const script = await readFile(join(outdir, basename(entry ?? config.main).replace(/\.ts$/, ".js")), "utf8");
    return { script, config };
  } finally {
    await rm(outdir, { recursive: true, force: true });
  }
}

/** A Worker to be measured. */
export type Contestant = {
  readonly name: string;
  readonly artefact: Artefact;
  /** More modules beside the bundle, which it may import by name. */
  readonly modules?: Readonly<Record<string, string>>;
  /** Bindings beside its objects and variables. */
  readonly env?: Bindings;
  /** Whether objects that nobody asks leave memory, as they do in production; `false`, if nothing is said. */
  readonly evicts?: boolean;
};

/** A Worker that runs in a workerd process of its own. */
export type Running = {
  readonly port: number;
  /** The workerd process; none where the system does not tell. */
  readonly pids: readonly number[];
  readonly d1: (binding: string) => Promise<D1Database>;
  readonly stop: () => Promise<void>;
};

/**
 * Runs a Worker in a workerd process of its own, with its storage on disk, reachable on a *direct* socket.
 *
 * Miniflare only writes workerd's configuration here. Its own port, where a proxy Worker in front of every request
 * costs a bare Hono Worker more than half of its throughput, is not used.
 *
 * Objects stay in memory, unless it is said otherwise: an eviction of a thousand of them in the middle of another row
 * would be measured as that row's. But each of them keeps files open, so that ten thousand are too many.
 */
export async function start({ name, artefact, modules, env, evicts = false }: Contestant): Promise<Running> {
  const { script, config } = artefact;
  const bindings = config.durable_objects.bindings.map((object) => [object.name, object.class_name] as const);
  const state = await mkdtemp(join(tmpdir(), `rekey-bench-${name}-`));
  const before = new Set(childProcesses());
  const miniflare = new Miniflare({
    resourcePersistencePath: state,
    telemetry: { enabled: false },
    // Decisions are logged, as they are in production; only what went wrong is for whoever runs the bench.
    handleStructuredLogs: ({ level, message }) => {
      if (level === "error") console.error(message);
    },
    workers: [
      {
        config: {
          name,
          compatibilityDate: config.compatibility_date,
          manifest: manifestOf({ "index.js": script, ...modules }),
          env: {
            ...named(Object.entries(config.vars), (value) => ({ type: "json", value })),
            ...named(bindings, (exportName) => ({ type: "durable-object", worker: name, exportName })),
            ORIGIN: { type: "worker", worker: "origin" },
            ...env,
          },
          exports: named(
            bindings.map(([, className]) => [className, className]),
            () => ({ type: "durable-object", storage: "sqlite", unsafePreventEviction: !evicts }),
          ),
        },
        dev: { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] },
      },
      {
        config: {
          name: "origin",
          compatibilityDate: config.compatibility_date,
          manifest: manifestOf({ "index.js": ORIGIN }),
        },
      },
    ],
  });
  const url = await miniflare.unsafeGetDirectURL(name);
  return {
    port: Number(url.port),
    pids: childProcesses()
      .filter((pid) => !before.has(pid))
      .slice(0, 1),
    d1: (binding) => miniflare.getD1Database(binding, name),
    stop: async () => {
      await miniflare.dispose();
      await rm(state, { recursive: true, force: true });
    },
  };
}

/** The stub origin in a process of its own, and the binding by which a Worker reaches it over the network. */
export async function startOrigin() {
  const config = { main: "", compatibility_date: "2026-11-17", vars: {}, durable_objects: { bindings: [] } };
  const { port, stop } = await start({ name: "far-origin", artefact: { script: ORIGIN, config } });
  const binding = { type: "external", address: `127.0.0.1:${port}`, http: {} } as const;
  return { binding, stop };
}

/** Modules by name, of which `index.js` is the Worker. */
const manifestOf = (modules: Readonly<Record<string, string>>) => ({
  mainModule: "index.js",
  modulesRoot: "/",
  modules: named(Object.entries(modules), (contents) => ({ type: "esm", contents })),
});

/** A record with the same names and other values. */
const named = <From, const To>(entries: readonly (readonly [string, From])[], to: (value: From) => To) =>
  Object.fromEntries(entries.map(([name, value]) => [name, to(value)]));

/** What the origin behind the gateway answers: 1 KiB of JSON. */
export const ORIGIN_ANSWER = `{"served":"by the stub origin","padding":"${"o".repeat(1024 - 44)}"}`;

/**
 * A stub origin, so that what is measured is the gateway: it answers at once and always the same, 10 MB where the path
 * ends in `/large`, and where it ends in `/events` with one event and then no more, and no end.
 */
const ORIGIN = `
  const small = new TextEncoder().encode(${JSON.stringify(ORIGIN_ANSWER)});
  const large = new Uint8Array(10_000_000).fill(0x6f);
  large.set(small);
  const json = (body) =>
    new Response(body, { headers: { "content-type": "application/json", "content-length": String(body.byteLength) } });

  const oneEvent = () => {
    let given = false;
    return new ReadableStream({
      async pull(controller) {
        if (given) await scheduler.wait(86_400_000);
        controller.enqueue(new TextEncoder().encode("data: by the stub origin\\n\\n"));
        given = true;
      },
    });
  };

  export default {
    fetch({ url }) {
      if (url.endsWith("/large")) return json(large);
      if (!url.endsWith("/events")) return json(small);
      return new Response(oneEvent(), { headers: { "content-type": "text/event-stream" } });
    },
  };
`;

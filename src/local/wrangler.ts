import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { join } from "node:path";

/** The repository. Commands work from anywhere inside it. */
export const ROOT = join(import.meta.dirname, "../..");

const WRANGLER = join(ROOT, "node_modules/wrangler/bin/wrangler.js");

/** Starts wrangler on this repository's wrangler.toml, with no telemetry and no questions to the network of its own. */
export function spawnWrangler(args: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn(process.execPath, [WRANGLER, ...args], {
    ...options,
    cwd: ROOT,
    env: {
      ...process.env,
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_HIDE_BANNER: "true",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      // It would keep traces of every request with its whole URL in the state, and a URL may hold what a client put there.
      X_LOCAL_OBSERVABILITY: "false",
      ...options.env,
    },
  });
}

export type WranglerRun = { readonly ok: boolean; readonly stdout: string; readonly stderr: string };

/** Runs wrangler to its end and keeps what it says. Asks the person nothing. */
export async function wrangler(...args: string[]): Promise<WranglerRun> {
  const child = spawnWrangler(args, { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout!.on("data", (chunk) => (stdout += String(chunk)));
  child.stderr!.on("data", (chunk) => (stderr += String(chunk)));
  const code = await exitOf(child);
  return { ok: code === 0, stdout, stderr };
}

/** Runs wrangler to its end in front of the person: what it says is shown, what it asks is answered. True if it succeeded. */
export async function wranglerInFront(...args: string[]): Promise<boolean> {
  return (await exitOf(spawnWrangler(args, { stdio: "inherit" }))) === 0;
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
}

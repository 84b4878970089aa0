import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guard } from "../../src/local/guarded.ts";
import { freePort } from "./checkout.ts";

const PROGRAMS = {
  nginx: ["/usr/sbin/nginx", "/usr/local/sbin/nginx"],
  caddy: ["/usr/bin/caddy", "/usr/local/bin/caddy"],
};
export type ProxyName = keyof typeof PROGRAMS;

/**
 * Where the program is; `null` if this machine has none: its tests are then skipped, and it is said aloud. Continuous
 * integration has to have it.
 */
export function programOf(name: ProxyName): string | null {
  const found = PROGRAMS[name].find((path) => existsSync(path)) ?? null;
  if (found === null && process.env["CI"]) throw new Error(`${name} is not installed; .ci/run installs it`);
  if (found === null)
    process.stderr.write(`\n!!! ${name} is not installed: forward-auth with ${name} is NOT TESTED\n\n`);
  return found;
}

const DOC = readFileSync(join(import.meta.dirname, "../../docs/forward-auth.md"), "utf8");

/** The configuration that the documentation shows, with the addresses and the token of this test. */
function documented(language: string, place: Place, port: number): string {
  const block = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(DOC)?.[1];
  if (block === undefined) throw new Error(`docs/forward-auth.md shows no ${language}`);
  return block
    .replaceAll("https://auth.example.com", place.rekey)
    .replaceAll("127.0.0.1:3000", new URL(place.origin).host)
    .replaceAll("127.0.0.1:8080", `127.0.0.1:${port}`)
    .replaceAll("your-proxy-token", place.token);
}

export type Place = { readonly rekey: string; readonly origin: string; readonly token: string };

/** A real proxy, on loopback and in a directory of its own, configured as the documentation says. */
export type RunningProxy = AsyncDisposable & { readonly url: string };

export async function startProxy(name: ProxyName, program: string, place: Place): Promise<RunningProxy> {
  const home = await mkdtemp(join(tmpdir(), `rekey-${name}-`));
  const port = await freePort();
  const config = join(home, "config");
  await writeFile(config, CONFIG[name](place, port, home));
  const args = name === "nginx" ? ["-p", home, "-c", config] : ["run", "--config", config, "--adapter", "caddyfile"];
  const child = spawn(program, args, {
    env: { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, which ends with this process at the latest.
    detached: true,
  });
  const stop = guard(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += String(chunk)));
  while (!(await listens(port))) {
    if (child.exitCode !== null) throw new Error(`${name} did not start: ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await stop();
      await rm(home, { recursive: true });
    },
  };
}

const CONFIG: Record<ProxyName, (place: Place, port: number, home: string) => string> = {
  nginx: (place, port, home) => {
    const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (kind) => `${kind}_temp_path ${home}/${kind};`,
    );
    const http = ["access_log off;", ...folders, documented("nginx", place, port)];
    return `daemon off; master_process off; pid ${home}/pid; error_log stderr warn; events {}\nhttp {\n${http.join("\n")}\n}\n`;
  },
  caddy: (place, port) => `{\n\tadmin off\n\tauto_https off\n}\n${documented("caddyfile", place, port)}`,
};

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false)).once("connect", () => resolve(true));
    socket.once("connect", () => socket.destroy());
  });

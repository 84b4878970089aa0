import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guard } from "../../src/local/guarded.ts";
import { freePort } from "./checkout.ts";

/** A real nginx that answers the path as it reads it: decoded and normalised (`$uri`), the way it matches locations. */
export async function startNginxEcho(program: string): Promise<AsyncDisposable & { readonly url: string }> {
  const home = await mkdtemp(join(tmpdir(), "rekey-nginx-echo-"));
  const port = await freePort();
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${home}/${kind};`,
  );
  const server = `server { listen 127.0.0.1:${port}; merge_slashes off; location / { return 200 $uri; } }`;
  await writeFile(
    join(home, "config"),
    `daemon off; master_process off; pid ${home}/pid; error_log stderr emerg; events {}\nhttp { access_log off; default_type text/plain; ${folders.join(" ")} ${server} }\n`,
  );
  const child = spawn(program, ["-p", home, "-c", join(home, "config")], { stdio: "ignore", detached: true });
  const stop = guard(child);
  const listens = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("error", () => resolve(false)).once("connect", () => (socket.destroy(), resolve(true)));
    });
  while (!(await listens())) {
    if (child.exitCode !== null) throw new Error("nginx did not start");
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

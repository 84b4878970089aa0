import { spawn } from "node:child_process";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guard } from "../../src/local/guarded.ts";

const root = join(import.meta.dirname, "../..");
const PARTS = ["package.json", "package-lock.json", "wrangler.toml", "tsconfig.json", "docs", "migrations", "src"];

/** A fresh checkout, as somebody has it who cloned the repository and installed: no secrets, no state. */
export type Checkout = AsyncDisposable & {
  readonly path: string;
  /** Runs a command in it, leading a process group of its own, like a job of a terminal. */
  run(command: string, args: readonly string[], env?: Readonly<Record<string, string>>): Job;
};

/** A command that runs. */
export type Job = {
  readonly pid: number;
  /** Everything it has printed so far, both streams. */
  readonly output: () => string;
  /** Settles with the exit code, or `null` for a signal, when the command and its pipes are closed. */
  readonly ended: Promise<number | null>;
  /** Waits until the output has `text`; throws if the command ends first. */
  readonly says: (text: string) => Promise<void>;
};

export async function checkOut(): Promise<Checkout> {
  const path = await mkdtemp(join(tmpdir(), "rekey-checkout-"));
  await Promise.all(PARTS.map((part) => cp(join(root, part), join(path, part), { recursive: true })));
  await symlink(join(root, "node_modules"), join(path, "node_modules"));
  const jobs: (() => Promise<void>)[] = [];

  return {
    path,
    run(command, args, env = {}) {
      const bin = join(path, "node_modules/.bin");
      const child = spawn(command, args, {
        cwd: path,
        env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}`, ...env },
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
      });
      // A test that times out disposes of nothing: the job ends with the test's process at the latest.
      jobs.push(guard(child));
      let said = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += String(chunk)));
      const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
      const says = async (text: string) => {
        while (!said.includes(text)) {
          const more = new Promise((resolve) => child.stdout.once("data", resolve));
          const which = await Promise.race([more, ended.then(() => "ended")]);
          if (which === "ended" && !said.includes(text)) throw new Error(`it ended without "${text}":\n${said}`);
        }
      };
      return { pid: child.pid!, output: () => said, ended, says };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(jobs.map((end) => end()));
      await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}

/** What a terminal does at Ctrl-C, and what nobody can catch. Fine if the group is gone already. */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ESRCH") throw cause;
  }
}

/** A port that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

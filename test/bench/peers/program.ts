import { execFileSync, fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect, createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Listening } from "./servers/serve.ts";

/** Something that runs beside the bench, in a process of its own, until the bench stops it. */
export type Program = { readonly port: number; readonly pids: readonly number[]; readonly stop: () => Promise<void> };

/** Where a program is, or null: first in PATH, then in `folders`, the newest version first. */
export function find(name: string, folders: readonly string[] = []): string | null {
  for (const folder of [...(process.env["PATH"] ?? "").split(delimiter), ...folders]) {
    if (contains(folder, name)) return join(folder, name);
  }
  return null;
}

function contains(folder: string, name: string): boolean {
  try {
    return readdirSync(folder).includes(name);
  } catch {
    return false;
  }
}

/** What it says of its version, in one line. */
export const versionOf = (path: string): string => execFileSync(path, ["--version"], { encoding: "utf8" }).trim();

/** A port of the loopback address that nobody listens on right now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** Starts a program that listens on `port`, and waits until it takes connections. `stopWith`: what ends it in order. */
export async function run(
  path: string,
  args: readonly string[],
  { port, user, stopWith }: { readonly port: number; readonly user?: User | null; readonly stopWith: NodeJS.Signals },
): Promise<Program> {
  const child = spawn(path, args, { stdio: ["ignore", "ignore", "pipe"], ...user });
  endWithUs(child, stopWith);
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-4_000)));
  const stop = () => ended(child, stopWith);
  for (let attempt = 0; attempt < 200; attempt++) {
    if (child.exitCode !== null) throw new Error(`${path} did not start:\n${said}`);
    if (await takesConnections(port)) return { port, pids: [child.pid!], stop };
    await pause(50);
  }
  await stop();
  throw new Error(`${path} does not listen:\n${said}`);
}

/** Whom a program runs as. */
export type User = { readonly uid: number; readonly gid: number };

/** Starts a Node server of this folder, which tells its port when it listens. */
export async function serveNode(file: string, env: Readonly<Record<string, string>>): Promise<Program> {
  const child = fork(join(import.meta.dirname, "servers", file), { env: { ...process.env, ...env } });
  endWithUs(child, "SIGTERM");
  const exited = once(child, "exit").then(() => {
    throw new Error(`${file} ended before it listened`);
  });
  const [{ port }] = (await Promise.race([once(child, "message"), exited])) as [Listening];
  exited.catch(() => {});
  return { port, pids: [child.pid!], stop: () => ended(child, "SIGTERM") };
}

const running = new Map<ChildProcess, NodeJS.Signals>();

/** However the bench ends, nothing that it has started stays behind. */
process.once("exit", () => {
  for (const [child, signal] of running) child.kill(signal);
});

function endWithUs(child: ChildProcess, signal: NodeJS.Signals): void {
  running.set(child, signal);
  child.once("exit", () => running.delete(child));
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill(signal);
  await exit;
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect({ port, host: "127.0.0.1" });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

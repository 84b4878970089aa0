import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { find, freePort, run, type Program, type User } from "./program.ts";

/** Debian keeps PostgreSQL's programs here, one folder for each major version. */
const POSTGRES = "/usr/lib/postgresql";

export const redisServer = (): string | null => find("redis-server");

export const postgresServer = (): string | null =>
  find(
    "postgres",
    folders(POSTGRES).map((version) => join(POSTGRES, version, "bin")),
  );

function folders(path: string): readonly string[] {
  try {
    return readdirSync(path).toSorted((a, b) => Number(b) - Number(a));
  } catch {
    return [];
  }
}

/**
 * Redis with its append-only file, in a folder of its own.
 * @param fsync `always`: no answer before the write is durable; `everysec`: up to a second may be lost
 */
export async function startRedis(path: string, fsync: "always" | "everysec"): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), "rekey-bench-redis-"));
  const port = await freePort();
  const settings = { port, bind: "127.0.0.1", dir: folder, save: "", appendonly: "yes", appendfsync: fsync };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return inFolder(folder, await run(path, args, { port, stopWith: "SIGTERM" }));
}

/** PostgreSQL as its packages configure it, in a cluster of its own, with a superuser `bench` and these databases. */
export async function startPostgres(path: string, databases: readonly string[]): Promise<Program> {
  const folder = mkdtempSync(join(tmpdir(), "rekey-bench-postgres-"));
  const user = unprivileged();
  if (user !== null) chownSync(folder, user.uid, user.gid);
  // PATH may hold a link to one of the programs: the others lie beside what it points to.
  const beside = (name: string) => join(dirname(realpathSync(path)), name);
  const data = join(folder, "data");
  const initialise = ["-D", data, "-U", "bench", "--auth=trust", "--encoding=UTF8", "--no-instructions"];
  execFileSync(beside("initdb"), initialise, { stdio: "pipe", cwd: folder, ...user });
  const port = await freePort();
  const settings = { port, listen_addresses: "127.0.0.1", unix_socket_directories: folder };
  const args = ["-D", data, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
  const program = inFolder(folder, await run(path, args, { port, user, stopWith: "SIGINT" }));
  const there = ["-h", "127.0.0.1", "-p", String(port), "-U", "bench"];
  // It takes connections before it takes queries.
  while (spawnSync(beside("pg_isready"), there).status !== 0) await pause(100);
  for (const database of databases) execFileSync(beside("createdb"), [...there, database], { stdio: "pipe" });
  return program;
}

export const databaseUrl = ({ port }: Program, database: string): string =>
  `postgres://bench@127.0.0.1:${port}/${database}`;

/** PostgreSQL refuses to run as root; its packages bring a user for it. */
function unprivileged(): User | null {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

const inFolder = (folder: string, program: Program): Program => ({
  ...program,
  stop: async () => {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  },
});

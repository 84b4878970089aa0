import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;
const lock = join(here, "package-lock.json");
const marker = join(here, "node_modules", ".installed");

/** Installs the peers' packages as this folder's lock file names them, unless that was done already. */
export function installPeers(): void {
  const wanted = readFileSync(lock, "utf8");
  if (read(marker) === wanted) return;
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: here, stdio: "pipe" });
  writeFileSync(marker, wanted);
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

/** Which version of a package is installed here. */
export function installedVersion(name: string): string {
  const manifest = readFileSync(join(here, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";

/** The process that listens on a port of this machine. Linux only: it reads /proc. */
export function listenerOn(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const listening = readFileSync("/proc/net/tcp", "utf8")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .find(([, local, , state]) => local?.endsWith(`:${hex}`) && state === "0A");
  const inode = listening?.[9];
  const holds = (pid: string) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`);
    } catch {
      return false; // Gone meanwhile, or somebody else's.
    }
  };
  const pid = readdirSync("/proc").find((name) => /^\d+$/.test(name) && holds(name));
  if (inode === undefined || pid === undefined) throw new Error(`nobody listens on port ${port}`);
  return Number(pid);
}

/** Starts the count of a process's peak memory anew. */
export const resetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, "5");

/** The most memory that the process has held at once since `resetPeak`, in bytes. */
export function peakOf(pid: number): number {
  const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1];
  return Number(kilobytes) * 1024;
}

/** The memory that the process holds now, in bytes. */
export function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}

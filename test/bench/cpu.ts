import { readFileSync } from "node:fs";

/** Clock ticks per second in /proc: `sysconf(_SC_CLK_TCK)`, which is 100 on every Linux that matters here. */
const TICKS_PER_SECOND = 100;

/**
 * The CPU time a process has used so far, user and system, all threads, in seconds and in steps of 10 ms.
 * `null` where there is no /proc: then the bench reports requests per second only.
 */
export function cpuSecondsOf(pid: number | null): number | null {
  if (pid === null) return null;
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return null;
  }
  // The name in parentheses may contain spaces, so fields are counted from behind it: see proc_pid_stat(5).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** The CPU time of some processes and of all that they have started, in seconds; `null` where the system does not tell. */
export function cpuSecondsOfAll(pids: readonly number[]): number | null {
  const seconds = pids.flatMap(family).map(cpuSecondsOf);
  if (seconds.length === 0 || seconds.includes(null)) return null;
  return seconds.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}

/**
 * The CPU time that the main thread of a process has used so far, in milliseconds and exact to the microsecond.
 * `null` where the system does not tell.
 */
export function mainThreadMsOf(pid: number | null): number | null {
  if (pid === null) return null;
  try {
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "latin1").split(" ");
    return Number(nanoseconds) / 1e6;
  } catch {
    return null;
  }
}

/** A process and all that it has started, and so on, as far as they are still there. */
const family = (pid: number): readonly number[] => [pid, ...childProcesses(pid).flatMap(family)];

/** Processes that the main thread of another has started and that are still there; empty where there is no /proc. */
export function childProcesses(pid = process.pid): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1");
    return children.trim().split(/\s+/).filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

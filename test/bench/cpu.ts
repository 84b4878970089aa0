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

/** Processes that this one has started and that are still there; empty where there is no /proc. */
export function childProcesses(): readonly number[] {
  try {
    const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "latin1");
    return children.trim().split(/\s+/).filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

import { spawn, type ChildProcess } from "node:child_process";

const GRACE_MS = 5_000;

/**
 * Makes sure that a process group does not outlive this process, however this process ends.
 *
 * `child` must have been spawned with `detached`, which makes it the leader of a group with all that it starts. A
 * small shell waits on a pipe from us: the kernel closes the pipe when we end, even by SIGKILL, and the shell then
 * kills the group. Returns the orderly way: ask the group to end, insist after five seconds, dismiss the guard.
 */
export function guard(child: ChildProcess): () => Promise<void> {
  const group = child.pid!;
  const watch = spawn("sh", ["-c", `read -r _; kill -KILL -${group}`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // Neither the guard nor its pipe is a reason to go on running.
  watch.unref();

  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return async () => {
    signal(group, "SIGTERM");
    const insist = setTimeout(() => signal(group, "SIGKILL"), GRACE_MS);
    if (child.exitCode === null && child.signalCode === null) await ended;
    clearTimeout(insist);
    // The leader is gone; what it left behind goes too.
    signal(group, "SIGKILL");
    watch.kill("SIGKILL");
  };
}

function signal(group: number, name: NodeJS.Signals): void {
  try {
    process.kill(-group, name);
  } catch (cause) {
    // ESRCH: nobody is left in the group, which is what we want.
    if ((cause as NodeJS.ErrnoException).code !== "ESRCH") throw cause;
  }
}

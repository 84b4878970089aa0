import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Stop } from "./command.ts";

const SQLITE_BUSY = 5;

/**
 * Claims a state directory for this process; returns how to give it back.
 *
 * A key has one authority. Two runtimes on the same files would be two, each sure of its own count.
 * The claim is an open transaction on an empty database: a lock that the kernel lets go of when the process ends,
 * however it ends, so there is nothing stale to clean up and no process id to mistake for another's.
 */
export function claimState(directory: string): () => void {
  mkdirSync(directory, { recursive: true });
  const lock = new DatabaseSync(join(directory, "lock.sqlite"));
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    lock.close();
    if ((cause as { errcode?: number }).errcode !== SQLITE_BUSY) throw cause;
    throw new Stop(
      `A Rekey runs on ${directory} already.\n` +
        "Stop it, or give this one a place of its own: STATE_DIR=/some/where PORT=8788 npm start",
    );
  }
  return () => lock.close();
}

import type { EpochMs } from "../key/time.ts";

/** Work that an object does later by itself. */
export type TaskName =
  | "deliver"
  | "erase-repeat"
  | "close-reservations"
  | "end-rest"
  | "announce-rotation"
  | "announce-expiry"
  | "cut-exchanges"
  | "tell-refusals"
  | "prune-events";

/** When a task is due, and how often in a row it has failed. */
export type Task = { readonly dueAt: EpochMs; readonly attempts: number };

/**
 * The due work of one object. An object has a single alarm, so the alarm stands at the earliest task and everything
 * that is due is done when it rings. Replaced whole, like the key.
 */
export type Agenda = ReadonlyMap<TaskName, Task>;

export const withTask = (agenda: Agenda, name: TaskName, task: Task): Agenda => new Map(agenda).set(name, task);

export function withoutTask(agenda: Agenda, name: TaskName): Agenda {
  if (!agenda.has(name)) return agenda;
  const next = new Map(agenda);
  next.delete(name);
  return next;
}

/** The agenda with a task at an instant, or without it. The same agenda if nothing changes. */
export function withDue(agenda: Agenda, name: TaskName, dueAt: EpochMs | null): Agenda {
  if (dueAt === null) return withoutTask(agenda, name);
  return agenda.get(name)?.dueAt === dueAt ? agenda : withTask(agenda, name, { dueAt, attempts: 0 });
}

/** The instant of the earliest task; `null` when there is none. */
export function nextDue(agenda: Agenda): EpochMs | null {
  let earliest: EpochMs | null = null;
  for (const { dueAt } of agenda.values()) if (earliest === null || dueAt < earliest) earliest = dueAt;
  return earliest;
}

export const isDue = (agenda: Agenda, name: TaskName, now: EpochMs): boolean => {
  const task = agenda.get(name);
  return task !== undefined && task.dueAt <= now;
};

const FIRST_RETRY_MS = 1_000;
/**
 * The longest wait, in milliseconds. With it a key catches up within a minute of the ledger being well, however long that
 * was not: an attempt that is under way in that moment takes up to 3 seconds more, and 2 are left for the delivery.
 */
const LAST_RETRY_MS = 55_000;

/**
 * How long to wait after so many failures in a row, in milliseconds: doubling from a second to 55 of them, and
 * anywhere in the upper half of it, so that objects that failed together do not return together. Never gives up.
 * @param random a number in [0, 1)
 */
export function backoffMs(attempts: number, random: number): number {
  const full = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempts, 20));
  return Math.round((full / 2) * (1 + random));
}

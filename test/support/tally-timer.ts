import { FLUSH_AFTER_MS } from "../../src/key-object/tally.ts";

/**
 * Makes the timer of a key's tally ring when a test says so and not before: no test waits for it, and none is surprised
 * by it. The evicting of an object waits for its timers too.
 */
let waiting: (() => void) | null = null;

// This runs once for each test file, and many files share a runtime: each puts its timers over the platform's own.
const platform = globalThis as typeof globalThis & {
  realTimers?: Pick<typeof globalThis, "setTimeout" | "clearTimeout">;
};
const { setTimeout: realSetTimeout, clearTimeout: realClearTimeout } = (platform.realTimers ??= {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
});

globalThis.setTimeout = ((callback: () => void, ms?: number, ...args: []) => {
  if (ms !== FLUSH_AFTER_MS) return realSetTimeout(callback, ms, ...args);
  waiting = callback;
  return callback;
}) as unknown as typeof setTimeout;

globalThis.clearTimeout = (timer: unknown) => {
  if (timer !== waiting) realClearTimeout(timer as number);
  else waiting = null;
};

/** Whether a tally waits to be written down. */
export const tallyWaits = (): boolean => waiting !== null;

/** Lets the timer ring that was set last. Call it within its object: I/O of one object is not another's. */
export function ringTally(): void {
  const callback = waiting;
  waiting = null;
  callback?.();
}

const LOOK_EVERY_MS = 500;

/**
 * Fulfils when npm, which started this process, is gone. Whoever ends npm alone, as `kill` and many supervisors do, means
 * what it runs; but neither npm nor its shell passes that on, and the port would stay taken. Started by hand, a process
 * may outlive its terminal: then this is never fulfilled.
 */
export function npmEnds(): Promise<void> {
  if (process.env["npm_lifecycle_event"] === undefined) return new Promise(() => {});
  const parent = process.ppid;
  return new Promise((resolve) => {
    const look = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(look);
      resolve();
    }, LOOK_EVERY_MS);
    look.unref();
  });
}

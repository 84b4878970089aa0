const started = performance.now();

/** A line for whoever waits, with the seconds since the start; on stderr, so that the findings can be piped. */
export const progress = (line: string): void => {
  console.error(`${((performance.now() - started) / 1000).toFixed(0).padStart(4)} s  ${line}`);
};

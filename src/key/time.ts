/** Milliseconds since 1970-01-01T00:00:00Z. Branded so that seconds or a duration cannot be passed by mistake. */
export type EpochMs = number & { readonly __unit: "epoch-ms" };

export const epochMs = (value: number): EpochMs => value as EpochMs;

/** Lengths of time, in milliseconds. Days of a calendar may be shorter or longer. */
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** The instant `ms` milliseconds after `at`. */
export const after = (at: EpochMs, ms: number): EpochMs => epochMs(at + ms);

/** RFC 3339 in UTC with milliseconds, the one form in which times leave Rekey. */
export const rfc3339 = (at: EpochMs): string => new Date(at).toISOString();

/** Whole seconds until `at`, rounded up: an obedient client is never early. */
export const secondsUntil = (at: EpochMs, now: EpochMs): number => Math.max(0, Math.ceil((at - now) / 1000));

/**
 * A clock that never goes back.
 *
 * The platform's clock may step back when an object moves to another machine. Windows and expiries are judged by the
 * newest instant this key has ever seen, so a step back can neither reopen a window nor revive an expired key.
 */
export class ForwardClock {
  #newest: EpochMs;
  readonly #read: () => number;

  constructor(newest: EpochMs, read: () => number) {
    this.#newest = newest;
    this.#read = read;
  }

  now(): EpochMs {
    const read = epochMs(this.#read());
    if (read > this.#newest) this.#newest = read;
    return this.#newest;
  }
}

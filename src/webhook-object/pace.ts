import type { WebhookBook } from "./book.ts";

/** How many messages are under way at once, at most. */
export const AT_A_TIME = 8;
/** After so many failures in a row one message at a time is tried, and none for a while, in milliseconds. */
const FAILURES_TO_SLOW_DOWN = 5;
const QUIET_MS = 30_000;

/**
 * How fast messages go to one receiver. One that is down is asked now and then whether it is back, not about everything
 * that waits.
 */
export class Pace {
  readonly #book: WebhookBook;
  #quietUntil = 0;

  constructor(book: WebhookBook) {
    this.#book = book;
  }

  /** How many messages may be under way at once now. */
  get window(): number {
    return this.#isSlow ? 1 : AT_A_TIME;
  }

  /** Until when nothing is sent, in epoch milliseconds. In the past: it is not quiet. */
  get quietUntil(): number {
    return this.#quietUntil;
  }

  get isQuiet(): boolean {
    return Date.now() < this.#quietUntil;
  }

  /** Attempts have ended, and the endpoint says how. */
  attempted(): void {
    this.#quietUntil = this.#isSlow ? Date.now() + QUIET_MS : 0;
  }

  /** Nothing is sent for so long, in milliseconds. */
  pause(ms: number): void {
    this.#quietUntil = Date.now() + ms;
  }

  /** Somebody wants it to be sent now. */
  hurry(): void {
    this.#quietUntil = 0;
  }

  get #isSlow(): boolean {
    return (this.#book.page?.endpoint.failuresInARow ?? 0) >= FAILURES_TO_SLOW_DOWN;
  }
}

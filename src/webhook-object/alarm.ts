import type { EpochMs } from "../key/time.ts";
import type { WebhookBook } from "./book.ts";

/** The one alarm of an endpoint's object. */
export class Alarm {
  readonly #storage: DurableObjectStorage;
  readonly #book: WebhookBook;
  /** Somebody rang while its work was being done: there may be more to do than that has seen. */
  #rung = false;

  constructor(storage: DurableObjectStorage, book: WebhookBook) {
    this.#storage = storage;
    this.#book = book;
  }

  /** It rings now. */
  async ring(): Promise<void> {
    this.#rung = true;
    await this.#storage.setAlarm(Date.now());
  }

  /** It rings at this time at the latest; `null`: as planned. */
  async ringBy(at: EpochMs | null): Promise<void> {
    if (at === null || this.#book.page === null) return;
    const planned = await this.#storage.getAlarm();
    if (planned === null || planned > at) await this.#storage.setAlarm(at);
  }

  /** It has rung: does its work, which says when there is more of it. `null`: not by itself. */
  async rang(work: () => Promise<EpochMs | null>): Promise<void> {
    this.#rung = false;
    const next = await work();
    if (this.#book.page === null || next === null) return;
    // Whoever rang meanwhile has set an alarm which this one would put off.
    await this.#storage.setAlarm(this.#rung ? Date.now() : next);
  }
}

import { after, type EpochMs } from "../key/time.ts";
import type { Endpoint } from "../webhook/endpoint.ts";
import type { MessageId } from "../webhook/id.ts";
import type { Due, WebhookBook } from "./book.ts";
import { ERRAND_MS, type Errand } from "./errand.ts";
import { now } from "./now.ts";
import type { Pace } from "./pace.ts";
import type { Sending } from "./sending.ts";

/** How soon a queue that took nothing is asked again, in milliseconds. */
const REFUSED_MS = 10_000;

/**
 * Hands messages to the queue, which calls for each attempt when it comes to it.
 *
 * All that is known of a message stays with the object: a queue that loses errands makes messages late, and one that
 * doubles them changes nothing.
 */
export class Handover {
  readonly #book: WebhookBook;
  readonly #pace: Pace;
  readonly #sending: Sending;
  /** What the queue has, and until when it may take. After an eviction the book alone says it: none of it is due. */
  readonly #handedOver = new Map<MessageId, EpochMs>();

  constructor(book: WebhookBook, pace: Pace, sending: Sending) {
    this.#book = book;
    this.#pace = pace;
    this.#sending = sending;
  }

  /** Gives the queue what is due, no more than may be under way at once: each attempt that ends makes room for the next. */
  async handOver(queue: Queue): Promise<void> {
    const page = this.#book.active;
    if (page === null || this.#pace.isQuiet) return;
    const due = this.#sending.due(this.#room());
    if (due.length === 0) return;
    const until = after(now(), ERRAND_MS);
    // Before the queue has it: an errand may be done before the queue has said that it took it.
    for (const { id } of due) this.#handedOver.set(id, until);
    try {
      const { id: webhookId } = page.endpoint;
      const errands = due.map(({ id, attempts }): Errand => ({ webhookId, messageId: id, attempt: attempts + 1 }));
      await queue.sendBatch(errands.map((body) => ({ body, contentType: "json" })));
      // It may have been removed meanwhile, and its book with it.
      if (this.#book.page !== null) this.#book.lend(due, until);
    } catch (cause) {
      // If it has them all the same, they will be handed over twice.
      console.warn({ message: "the queue took no messages of a webhook", cause: String(cause) });
      for (const { id } of due) this.#handedOver.delete(id);
      this.#pace.pause(REFUSED_MS);
    }
  }

  /** Begins the attempt that an errand is for, and ends with it; or says why there is none to make. */
  begin({ messageId, attempt }: Errand): "needless" | "busy" | Promise<void> {
    const page = this.#book.active;
    const message = page === null ? null : this.#book.toAttempt(messageId, attempt);
    if (page === null || message === null || this.#sending.isUnderWay(messageId)) return "needless";
    if (this.#sending.isFull) return "busy";
    this.#book.lend([message], after(now(), ERRAND_MS));
    return this.#attempt(message, page.endpoint);
  }

  async #attempt(message: Due, endpoint: Endpoint): Promise<void> {
    await this.#sending.send(message, endpoint);
    this.#handedOver.delete(message.id);
    this.#pace.attempted();
  }

  /** When more can be handed over. Where there is no room, an errand that is done makes some, or one that is lost. */
  roomAt(): number {
    return this.#room() > 0 ? 0 : Math.min(...this.#handedOver.values());
  }

  /** An errand that is lost is not waited for, and one that is not will find that it was done. */
  hurry(): void {
    for (const id of this.#handedOver.keys()) if (!this.#sending.isUnderWay(id)) this.#handedOver.delete(id);
  }

  #room(): number {
    for (const [messageId, until] of this.#handedOver) {
      const isPending = this.#book.delivery(messageId)?.state === "pending";
      if (isPending && until > now()) continue;
      this.#handedOver.delete(messageId);
      // Now and then one is lost. All of them: nobody consumes the queue.
      if (isPending) console.warn({ message: "the queue did not deliver a message of a webhook in time", messageId });
    }
    return this.#pace.window - this.#handedOver.size;
  }
}

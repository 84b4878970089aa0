import type { Config } from "../env.ts";
import { after } from "../key/time.ts";
import { attempt, type Attempt } from "../webhook/attempt.ts";
import { afterFailure, afterSuccess, signingSecrets, type Endpoint } from "../webhook/endpoint.ts";
import type { MessageId } from "../webhook/id.ts";
import { retryAt } from "../webhook/retry.ts";
import type { Due, WebhookBook } from "./book.ts";
import { ERRAND_MS } from "./errand.ts";
import { now } from "./now.ts";
import { AT_A_TIME, type Pace } from "./pace.ts";

/** How many messages are sent in one invocation: the platform bounds the calls of an invocation. */
const PER_INVOCATION = 100;

/** Sends messages to the receiver, and writes down what came of each. */
export class Sending {
  readonly #book: WebhookBook;
  readonly #pace: Pace;
  readonly #config: () => Config;
  readonly #underWay = new Set<MessageId>();

  /** @param config read for each attempt: a setting may be wrong, and is no reason to forget messages. */
  constructor(book: WebhookBook, pace: Pace, config: () => Config) {
    this.#book = book;
    this.#pace = pace;
    this.#config = config;
  }

  isUnderWay(id: MessageId): boolean {
    return this.#underWay.has(id);
  }

  /** Whether no more attempts can be under way, whoever asks for one. */
  get isFull(): boolean {
    return this.#underWay.size >= AT_A_TIME;
  }

  /** Sends what is due, as many messages as one invocation may send. */
  async sendDue(): Promise<void> {
    for (let left = PER_INVOCATION; left > 0;) {
      const page = this.#book.active;
      if (page === null || this.#pace.isQuiet) return;
      const due = this.due(Math.min(left, this.#pace.window));
      if (due.length === 0) return;
      left -= due.length;
      await Promise.all(due.map((message) => this.send(message, page.endpoint)));
      this.#pace.attempted();
    }
  }

  /** What is due and not under way already, at most `limit` messages. */
  due(limit: number): readonly Due[] {
    if (limit <= 0) return [];
    const due = this.#book.due(now(), limit + this.#underWay.size);
    const isUnderWay = ({ id }: Due) => this.#underWay.has(id);
    // Somebody wanted it at once, and that is what is happening.
    this.#book.lend(due.filter(isUnderWay), after(now(), ERRAND_MS));
    return due.filter((message) => !isUnderWay(message)).slice(0, limit);
  }

  /** Makes one attempt at one message. */
  async send(message: Due, endpoint: Endpoint): Promise<void> {
    this.#underWay.add(message.id);
    try {
      this.#settle(message.id, await this.#attempt(message, endpoint));
    } finally {
      this.#underWay.delete(message.id);
    }
  }

  async #attempt(message: Due, endpoint: Endpoint): Promise<Attempt> {
    const { webhookResolver, webhooksToLoopback, ownHosts } = this.#config();
    return attempt(message, {
      url: endpoint.url,
      secrets: signingSecrets(endpoint, now()),
      resolver: webhookResolver,
      toLoopback: webhooksToLoopback,
      ownHosts,
    });
  }

  #settle(id: MessageId, outcome: Attempt): void {
    const { page } = this.#book;
    // The endpoint was removed, or what the message was about was purged, while it was under way.
    const delivery = page === null ? null : this.#book.delivery(id);
    if (page === null || delivery === null) return;
    const at = now();
    const attempts = delivery.attempts + 1;
    if (outcome.because === null) {
      this.#book.settle(id, "delivered", attempts, at, outcome);
    } else {
      const next = retryAt(attempts, at, Math.random(), outcome.retryAfterSeconds);
      this.#book.settle(id, next === null ? "dead" : "pending", attempts, next ?? at, outcome);
    }
    const { endpoint } = page;
    const changed =
      outcome.because === null ? afterSuccess(endpoint) : afterFailure(endpoint, at, outcome.because === "gone");
    if (changed !== endpoint) this.#book.write({ ...page, endpoint: changed }, at);
    if (changed.disabledBecause !== null && endpoint.disabledBecause === null) {
      const { id: webhookId, owner, disabledBecause } = changed;
      console.warn({ message: "a webhook was disabled", webhookId, owner, because: disabledBecause });
    }
  }
}

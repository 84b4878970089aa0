import { DurableObject } from "cloudflare:workers";
import { requireConfig, type Env } from "../env.ts";
import { sees } from "../key/authority.ts";
import { NO_RECEIPTS, recall, remember, type Idempotency } from "../key/receipt.ts";
import { after, epochMs, type EpochMs } from "../key/time.ts";
import { readStream } from "../ledger/stream.ts";
import { enterWebhook, recordWebhook, removeWebhook, type ListedWebhook } from "../ledger/webhooks.ts";
import { attempt, type Attempt } from "../webhook/attempt.ts";
import {
  afterFailure,
  afterSuccess,
  amended,
  resumed,
  rotated,
  signingSecrets,
  WEBHOOK_BOUNDS,
  type Endpoint,
  type EndpointAmendment,
} from "../webhook/endpoint.ts";
import { messageIdOf, newTestMessageId, type MessageId } from "../webhook/id.ts";
import { eventBody, TEST_TYPE, testBody } from "../webhook/message.ts";
import { retryAt } from "../webhook/retry.ts";
import { newWebhookSecret, type WebhookSecret } from "../webhook/signature.ts";
import { wants } from "../webhook/subscription.ts";
import { WebhookBook, type Due, type NewMessage, type Page } from "./book.ts";
import type { Errand, ErrandOutcome } from "./errand.ts";
import type {
  CreateWebhook,
  DeliveriesAsk,
  Delivery,
  RotateSecret,
  SecretRotation,
  WebhookAsk,
  WebhookCreation,
  WebhookRecord,
  WebhookRpc,
} from "./rpc.ts";

/** How many arrivals are read at once, and how many messages may wait: what is more stays in the ledger. */
const ARRIVALS_AT_ONCE = 200;
const MOST_PENDING = 1_000;
/** How many messages are under way at once, and in one invocation: the platform bounds the calls of an invocation. */
const AT_A_TIME = 8;
const PER_INVOCATION = 100;
/** After so many failures in a row one message at a time is tried, and none for a while, in milliseconds. */
const FAILURES_TO_SLOW_DOWN = 5;
const QUIET_MS = 30_000;
/** How long the queue has for an errand, in milliseconds. After that it is taken for lost and handed over anew. */
const ERRAND_MS = 5 * 60_000;
/** How long the queue's consumer waits for an attempt, in milliseconds: others' errands wait in the same batch. */
const PATIENCE_MS = 1_000;
/** How soon it goes on after the ledger or the queue was not there, and when it looks by itself, in milliseconds. */
const AFTER_FAILURE_MS = 10_000;
const LOOK_AGAIN_MS = 60 * 60_000;

/** By how much the clocks of two objects may differ, in milliseconds. */
const CLOCKS_DIFFER_MS = 60_000;

const NOT_FOUND = { reached: false, because: "not-found" } as const;
type NotFound = typeof NOT_FOUND;

/**
 * The messages to one endpoint: what it is still to be told, and how often that was tried.
 *
 * An object for each endpoint, so that a receiver that is slow or dead keeps nobody waiting but itself. It reads the
 * ledger's events in the order of their arrival and writes down how far it has read in the very transaction that queues
 * what it read: nothing is skipped, whatever ends the object where. A message is sent until the receiver has said that
 * it has it, so one whose answer was lost is sent again, under the same id.
 *
 * Its alarm sends, and the platform runs one at a time. Where a queue is bound the alarm only hands over what is due, and
 * the queue's consumer calls for each attempt (`attempt`). All that is known of a message stays here either way: a queue
 * that loses errands makes messages late, and one that doubles them changes nothing.
 */
export class WebhookObject extends DurableObject<Env> implements WebhookRpc {
  readonly #book = new WebhookBook(this.ctx.storage);
  #page: Page | null = this.#book.read();
  #turn: Promise<unknown> = Promise.resolve();
  /** Somebody woke it while the alarm was at work: there may be more than it has seen. */
  #woken = false;
  #quietUntil = 0;
  /** What the queue has, and until when it may take. After an eviction the book alone says it: none of it is due. */
  readonly #handedOver = new Map<MessageId, EpochMs>();
  readonly #underWay = new Set<MessageId>();
  #prunedAt = 0;
  /** What the ledger has heard of from this instance. */
  #told = { revision: 0, at: 0 };

  create(command: CreateWebhook): Promise<WebhookCreation> {
    return this.#inTurn(async () => {
      const { idempotency, ...wanted } = command;
      if (this.#page !== null) return this.#repeated(this.#page, idempotency);
      const now = this.#now();
      const secret = newWebhookSecret(random);
      const endpoint: Endpoint = {
        ...wanted,
        createdAt: now,
        revision: 1,
        disabledBecause: null,
        failingSince: null,
        failuresInARow: 0,
        version: 1,
        secrets: [{ text: secret, validUntil: null }],
      };
      // The ledger first: an event that arrives from here on is one that this endpoint will read.
      const entered = await enterWebhook(this.env.DB, listed(endpoint), WEBHOOK_BOUNDS.endpointsOfOwner).catch(warn);
      if (entered === undefined) return { done: false, because: "ledger-unavailable" };
      if (entered === null) return { done: false, because: "too-many" };
      const receipts = remember(NO_RECEIPTS, idempotency, { credential: secret, version: 1 }, now, random);
      this.#told = { revision: endpoint.revision, at: now };
      this.#write({ endpoint, place: entered.place, receipts });
      await this.ctx.storage.setAlarm(after(now, LOOK_AGAIN_MS));
      return { done: true, webhook: this.#record(endpoint), secret };
    });
  }

  read(ask: WebhookAsk) {
    return this.#for(ask, ({ endpoint }) => ({ webhook: this.#record(endpoint) }));
  }

  amend(ask: WebhookAsk & { readonly amendment: EndpointAmendment }) {
    return this.#change(ask, (endpoint) => amended(endpoint, ask.amendment));
  }

  async resume(ask: WebhookAsk) {
    const answer = await this.#change(ask, resumed);
    if (answer.reached) {
      this.#book.hurry(this.#now());
      await this.#goOn();
    }
    return answer;
  }

  rotateSecret(ask: RotateSecret) {
    return this.#for(ask, (page): SecretRotation => {
      const now = this.#now();
      const { overlapSeconds, idempotency } = ask;
      const repeat = idempotency === null ? { found: false as const } : recall(page.receipts, idempotency, now);
      if (repeat.found && "because" in repeat) return { done: false, because: repeat.because };
      if (repeat.found) return this.#rotation(page.endpoint, repeat.credential as WebhookSecret, now);
      const secret = newWebhookSecret(random);
      const endpoint = rotated(page.endpoint, secret, overlapSeconds, now);
      const issued = { credential: secret, version: endpoint.version };
      this.#write({ ...page, endpoint, receipts: remember(page.receipts, idempotency, issued, now, random) });
      return this.#rotation(endpoint, secret, now);
    });
  }

  remove(ask: WebhookAsk) {
    return this.#inTurn(async () => {
      const page = this.#seen(ask);
      if (page === null) return NOT_FOUND;
      this.#page = null;
      await this.ctx.storage.deleteAlarm();
      await this.ctx.storage.deleteAll();
      // A row that stays because the ledger is down is removed by whoever finds that nobody is here.
      await removeWebhook(this.env.DB, page.endpoint.id).catch(warn);
      return { reached: true, removed: true } as const;
    });
  }

  async sendTest(ask: WebhookAsk) {
    const page = this.#seen(ask);
    if (page === null) return NOT_FOUND;
    if (page.endpoint.disabledBecause !== null) return { reached: true, delivery: null } as const;
    const now = this.#now();
    const id = newTestMessageId(random);
    const message = { id, keyId: null, type: TEST_TYPE, body: testBody(page.endpoint.id, now) };
    this.#write(page, [message]);
    await this.#goOn();
    return { reached: true, delivery: this.#book.delivery(id) } as const;
  }

  async deliveries(ask: DeliveriesAsk) {
    if (this.#seen(ask) === null) return NOT_FOUND;
    return { reached: true, deliveries: this.#book.deliveries(ask.state, ask.after, ask.limit) } as const;
  }

  async replay(ask: WebhookAsk & { readonly messageId: MessageId }) {
    if (this.#seen(ask) === null) return NOT_FOUND;
    this.#book.replay(ask.messageId, this.#now());
    const delivery = this.#book.delivery(ask.messageId);
    if (delivery !== null) await this.#goOn();
    return { reached: true, delivery } as const;
  }

  /** In turn, so that an endpoint which is just being made is not taken for one that is gone. */
  wake(): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#page === null) return false;
      if (this.#page.endpoint.disabledBecause === null) await this.#ring();
      return true;
    });
  }

  async attempt({ messageId, attempt: number }: Errand): Promise<ErrandOutcome> {
    const page = this.#active();
    const message = page === null ? null : this.#book.toAttempt(messageId, number);
    if (page === null || message === null || this.#underWay.has(messageId)) return "needless";
    if (this.#underWay.size >= AT_A_TIME) return "busy";
    this.#book.lend([message], after(this.#now(), ERRAND_MS));
    const made = this.#sendAndGoOn(message, page.endpoint);
    this.ctx.waitUntil(made);
    return orAfter(
      PATIENCE_MS,
      made.then(() => "made" as const),
      "under-way" as const,
    );
  }

  override async alarm(): Promise<void> {
    this.#woken = false;
    const next = await this.#work().catch((cause: unknown) => {
      warn(cause);
      return after(this.#now(), AFTER_FAILURE_MS);
    });
    if (this.#page === null || next === null) return;
    // Whoever woke it meanwhile has set an alarm which this one would put off.
    await this.ctx.storage.setAlarm(this.#woken ? Date.now() : next);
  }

  /** Reads what is new, sends what is due, and says when there is more to do; `null`: not by itself. */
  async #work(): Promise<EpochMs | null> {
    const hasTold = await this.#tellLedger();
    if (this.#active() === null) return hasTold ? null : after(this.#now(), AFTER_FAILURE_MS);
    const reading = await this.#readOn();
    const { WEBHOOK_QUEUE: queue } = this.env;
    await (queue === undefined ? this.#sendDue() : this.#handOver(queue));
    this.#prune();

    const now = this.#now();
    if (this.#active() === null) return now;
    const nextSend = this.#nextSend();
    const plans = [
      after(now, LOOK_AGAIN_MS),
      ...(hasTold && reading !== "failed" ? [] : [after(now, AFTER_FAILURE_MS)]),
      ...(nextSend === null ? [] : [nextSend]),
      ...(reading === "more" && nextSend === null ? [now] : []),
    ];
    return plans.reduce((earliest, plan) => (plan < earliest ? plan : earliest));
  }

  /** Queues what has arrived in the ledger since. What does not fit waits there. */
  async #readOn(): Promise<"all" | "more" | "failed"> {
    for (;;) {
      const page = this.#active();
      if (page === null) return "all";
      if (this.#book.count().pending > MOST_PENDING - ARRIVALS_AT_ONCE) return "more";
      const { owner, createdAt } = page.endpoint;
      const read = await readStream(this.env.DB, page.place, { owner, limit: ARRIVALS_AT_ONCE }).catch(warn);
      const now = this.#active();
      if (read === undefined) return "failed";
      if (now === null) return "all";
      const messages: NewMessage[] = [];
      for (const event of read.events) {
        const { keyId, type, sequence, at } = event;
        if (type === "key.purged") this.#book.forgetKey(keyId);
        // What arrives late, or again because the ledger was restored, may be from before the endpoint was made.
        if (at < createdAt - CLOCKS_DIFFER_MS) continue;
        if ((owner !== null && event.owner !== owner) || !wants(now.endpoint.events, type)) continue;
        messages.push({ id: messageIdOf(keyId, sequence), keyId, type, body: eventBody(event) });
      }
      if (read.place?.arrival !== now.place?.arrival || read.restarted) {
        this.#write({ ...now, place: read.place }, messages);
      }
      if (!read.more) return "all";
    }
  }

  async #sendDue(): Promise<void> {
    for (let left = PER_INVOCATION; left > 0;) {
      const page = this.#active();
      if (page === null || Date.now() < this.#quietUntil) return;
      const due = this.#due(Math.min(left, this.#window()));
      if (due.length === 0) return;
      left -= due.length;
      await Promise.all(due.map((message) => this.#send(message, page.endpoint)));
      // A receiver that is down is asked now and then whether it is back, not about everything that waits.
      if (this.#isSlow()) this.#quietUntil = Date.now() + QUIET_MS;
    }
  }

  /** Gives the queue what is due, no more than may be under way at once: each attempt that ends makes room for the next. */
  async #handOver(queue: Queue): Promise<void> {
    const page = this.#active();
    if (page === null || Date.now() < this.#quietUntil) return;
    const due = this.#due(this.#room());
    if (due.length === 0) return;
    const until = after(this.#now(), ERRAND_MS);
    // Before the queue has it: an errand may be done before the queue has said that it took it.
    for (const { id } of due) this.#handedOver.set(id, until);
    try {
      const { id: webhookId } = page.endpoint;
      const errands = due.map(({ id, attempts }): Errand => ({ webhookId, messageId: id, attempt: attempts + 1 }));
      await queue.sendBatch(errands.map((body) => ({ body, contentType: "json" })));
      // It may have been removed meanwhile, and its book with it.
      if (this.#page !== null) this.#book.lend(due, until);
    } catch (cause) {
      // If it has them all the same, they will be handed over twice.
      console.warn({ message: "the queue took no messages of a webhook", cause: String(cause) });
      for (const { id } of due) this.#handedOver.delete(id);
      this.#quietUntil = Date.now() + AFTER_FAILURE_MS;
    }
  }

  async #sendAndGoOn(message: Due, endpoint: Endpoint): Promise<void> {
    await this.#send(message, endpoint);
    this.#handedOver.delete(message.id);
    this.#quietUntil = this.#isSlow() ? Date.now() + QUIET_MS : 0;
    await this.#ringBy(this.#active() === null ? this.#now() : this.#nextSend());
  }

  /** What is due and not under way already. */
  #due(limit: number): readonly Due[] {
    if (limit <= 0) return [];
    const due = this.#book.due(this.#now(), limit + this.#underWay.size);
    const isUnderWay = ({ id }: Due) => this.#underWay.has(id);
    // Somebody wanted it at once, and that is what is happening.
    this.#book.lend(due.filter(isUnderWay), after(this.#now(), ERRAND_MS));
    return due.filter((message) => !isUnderWay(message)).slice(0, limit);
  }

  /** When there is something to send, or to hand over; `null`: nothing waits. */
  #nextSend(): EpochMs | null {
    const due = this.#book.nextDue();
    if (due === null) return null;
    // Where there is no room, an errand that is done makes some, or one that is lost.
    const room = this.#room() > 0 ? 0 : Math.min(...this.#handedOver.values());
    return epochMs(Math.max(due, room, this.#quietUntil));
  }

  #room(): number {
    const now = this.#now();
    for (const [messageId, until] of this.#handedOver) {
      const isPending = this.#book.delivery(messageId)?.state === "pending";
      if (isPending && until > now) continue;
      this.#handedOver.delete(messageId);
      // Now and then one is lost. All of them: nobody consumes the queue.
      if (isPending) console.warn({ message: "the queue did not deliver a message of a webhook in time", messageId });
    }
    return this.#window() - this.#handedOver.size;
  }

  #window(): number {
    return this.#isSlow() ? 1 : AT_A_TIME;
  }

  #isSlow(): boolean {
    return (this.#page?.endpoint.failuresInARow ?? 0) >= FAILURES_TO_SLOW_DOWN;
  }

  async #send(message: Due, endpoint: Endpoint): Promise<void> {
    this.#underWay.add(message.id);
    try {
      this.#settle(message.id, await this.#attempt(message, endpoint));
    } finally {
      this.#underWay.delete(message.id);
    }
  }

  #attempt(message: Due, endpoint: Endpoint): Promise<Attempt> {
    const { webhookResolver, webhooksToLoopback } = requireConfig(this.env);
    return attempt(message, {
      url: endpoint.url,
      secrets: signingSecrets(endpoint, this.#now()),
      resolver: webhookResolver,
      toLoopback: webhooksToLoopback,
    });
  }

  #settle(id: MessageId, outcome: Attempt): void {
    const page = this.#page;
    // The endpoint was removed, or what the message was about was purged, while it was under way.
    const delivery = page === null ? null : this.#book.delivery(id);
    if (page === null || delivery === null) return;
    const now = this.#now();
    const attempts = delivery.attempts + 1;
    if (outcome.because === null) {
      this.#book.settle(id, "delivered", attempts, now, outcome);
    } else {
      const next = retryAt(attempts, now, Math.random(), outcome.retryAfterSeconds);
      this.#book.settle(id, next === null ? "dead" : "pending", attempts, next ?? now, outcome);
    }
    const { endpoint } = page;
    const changed =
      outcome.because === null ? afterSuccess(endpoint) : afterFailure(endpoint, now, outcome.because === "gone");
    if (changed !== endpoint) this.#write({ ...page, endpoint: changed });
    if (changed.disabledBecause !== null && endpoint.disabledBecause === null) {
      const { id: webhookId, owner, disabledBecause } = changed;
      console.warn({ message: "a webhook was disabled", webhookId, owner, because: disabledBecause });
    }
  }

  /** Once in a while: it looks at every message there is. */
  #prune(): void {
    const now = this.#now();
    if (this.#page === null || now - this.#prunedAt < LOOK_AGAIN_MS) return;
    this.#prunedAt = now;
    this.#book.prune(now);
  }

  /**
   * Tells the ledger's list what it may not have heard: a change, or, once in a while, anything at all, because it may
   * have been restored from before. False if it did not listen.
   */
  async #tellLedger(): Promise<boolean> {
    const endpoint = this.#page?.endpoint;
    if (endpoint === undefined) return true;
    const { revision } = endpoint;
    if (this.#told.revision >= revision && this.#now() - this.#told.at < LOOK_AGAIN_MS) return true;
    const said = await recordWebhook(this.env.DB, listed(endpoint)).then(() => true, warn);
    if (said === undefined) return false;
    this.#told = { revision, at: this.#now() };
    return true;
  }

  #change(ask: WebhookAsk, step: (endpoint: Endpoint) => Endpoint) {
    return this.#inTurn(async () => {
      const page = this.#seen(ask);
      if (page === null) return NOT_FOUND;
      this.#write({ ...page, endpoint: step(page.endpoint) });
      // For a list that is read after this; if the ledger is down the alarm tells it.
      if (!(await this.#tellLedger())) await this.#ring();
      return { reached: true, webhook: this.#record(this.#page?.endpoint ?? step(page.endpoint)) } as const;
    });
  }

  async #for<Answer extends object>(
    ask: WebhookAsk,
    answer: (page: Page) => Answer,
  ): Promise<({ readonly reached: true } & Answer) | NotFound> {
    const page = this.#seen(ask);
    return page === null ? NOT_FOUND : { reached: true, ...answer(page) };
  }

  /** The endpoint, if it exists for the one who asks. */
  #seen({ authority }: WebhookAsk): Page | null {
    return this.#page !== null && sees(authority, this.#page.endpoint.owner) ? this.#page : null;
  }

  #active(): Page | null {
    return this.#page?.endpoint.disabledBecause === null ? this.#page : null;
  }

  #repeated({ endpoint, receipts }: Page, idempotency: Idempotency | null): WebhookCreation {
    const repeat = idempotency === null ? { found: false as const } : recall(receipts, idempotency, this.#now());
    // Without a header ids are random: two of them that meet are one in 2^95.
    if (!repeat.found) return { done: false, because: "idempotency-mismatch" };
    if ("because" in repeat) return { done: false, because: repeat.because };
    return { done: true, webhook: this.#record(endpoint), secret: repeat.credential };
  }

  #rotation(endpoint: Endpoint, secret: WebhookSecret, now: EpochMs): SecretRotation {
    const validUntil = endpoint.secrets[1]?.validUntil ?? now;
    return { done: true, webhook: this.#record(endpoint), secret, validUntil };
  }

  #record({ secrets: _secrets, failuresInARow: _failures, ...endpoint }: Endpoint): WebhookRecord {
    return { ...endpoint, ...this.#book.count() };
  }

  /** Somebody wants it to send now, also to a receiver that is given a rest. */
  async #goOn(): Promise<void> {
    this.#quietUntil = 0;
    // An errand that is lost is not waited for, and one that is not will find that it was done.
    for (const id of this.#handedOver.keys()) if (!this.#underWay.has(id)) this.#handedOver.delete(id);
    await this.#ring();
  }

  /** At this time at the latest; `null`: as planned. */
  async #ringBy(at: EpochMs | null): Promise<void> {
    if (at === null || this.#page === null) return;
    const planned = await this.ctx.storage.getAlarm();
    if (planned === null || planned > at) await this.ctx.storage.setAlarm(at);
  }

  async #ring(): Promise<void> {
    this.#woken = true;
    await this.ctx.storage.setAlarm(Date.now());
  }

  #write(page: Page, messages: readonly NewMessage[] = []): void {
    this.#book.write(page, messages, this.#now());
    this.#page = page;
  }

  /** One after the other, for what asks the ledger in between. */
  #inTurn<Answer>(step: () => Promise<Answer>): Promise<Answer> {
    const mine = this.#turn.then(step);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  #now(): EpochMs {
    return epochMs(Date.now());
  }
}

/** The answer, or another one after so many milliseconds. */
async function orAfter<Answer, Other>(ms: number, answer: Promise<Answer>, other: Other): Promise<Answer | Other> {
  let timer: ReturnType<typeof setTimeout>;
  const patience = new Promise<Other>((resolve) => (timer = setTimeout(resolve, ms, other)));
  return Promise.race([answer, patience]).finally(() => clearTimeout(timer));
}

const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);

/** The endpoint as the ledger lists it. */
const listed = ({
  id,
  owner,
  url,
  description,
  events,
  createdAt,
  revision,
  disabledBecause,
}: Endpoint): ListedWebhook => ({
  id,
  owner,
  url,
  description,
  events,
  createdAt,
  revision,
  disabledBecause,
});

function warn(cause: unknown): undefined {
  console.warn({ message: "a webhook could not ask the ledger", cause: String(cause) });
}

export type { Delivery };

import { DurableObject } from "cloudflare:workers";
import { peppersOf, requireConfig, type Env } from "../env.ts";
import { sees } from "../key/authority.ts";
import type { Random } from "../key/base62.ts";
import { NO_RECEIPTS, recall, remember, type Idempotency, type Recall, type Sealing } from "../key/receipt.ts";
import { after, epochMs, HOUR_MS, type EpochMs } from "../key/time.ts";
import { orAfter } from "../or-after.ts";
import { amended, created, resumed, rotated, type Endpoint, type EndpointAmendment } from "../webhook/endpoint.ts";
import { newTestMessageId, type MessageId } from "../webhook/id.ts";
import { TEST_TYPE, testBody } from "../webhook/message.ts";
import { newWebhookSecret, type WebhookSecret } from "../webhook/signature.ts";
import { Alarm } from "./alarm.ts";
import { WebhookBook, type Page } from "./book.ts";
import type { Errand, ErrandOutcome } from "./errand.ts";
import { forget } from "./forget.ts";
import { Handover } from "./handover.ts";
import { Listing } from "./listing.ts";
import { now } from "./now.ts";
import { Pace } from "./pace.ts";
import { readOn } from "./read-on.ts";
import type {
  CreateWebhook,
  DeliveriesAsk,
  RotateSecret,
  SecretRotation,
  WebhookAsk,
  WebhookCreation,
  WebhookRecord,
  WebhookRpc,
} from "./rpc.ts";
import { Sending } from "./sending.ts";

/** How soon it goes on after the ledger was not there, and when it looks by itself, in milliseconds. */
const AFTER_FAILURE_MS = 10_000;
const LOOK_AGAIN_MS = HOUR_MS;
/** How long the queue's consumer waits for an attempt, in milliseconds: others' errands wait in the same batch. */
const PATIENCE_MS = 1_000;

const NOT_FOUND = { reached: false, because: "not-found" } as const;
type NotFound = typeof NOT_FOUND;

/**
 * The messages to one endpoint: what it is still to be told, and how often that was tried.
 *
 * An object for each endpoint, so that a receiver that is slow or dead keeps nobody waiting but itself. It reads the
 * ledger's events (`readOn`) and sends what it has read until the receiver has said that it has it, so a message whose
 * answer was lost is sent again, under the same id.
 *
 * Its alarm sends (`Sending`), and the platform runs one at a time. Where a queue is bound the alarm only hands over what
 * is due (`Handover`), and the queue's consumer calls for each attempt.
 */
export class WebhookObject extends DurableObject<Env> implements WebhookRpc {
  readonly #book = new WebhookBook(this.ctx.storage);
  readonly #listing = new Listing(this.env.DB);
  readonly #alarm = new Alarm(this.ctx.storage, this.#book);
  readonly #pace = new Pace(this.#book);
  readonly #sending = new Sending(this.#book, this.#pace, () => requireConfig(this.env));
  readonly #handover = new Handover(this.#book, this.#pace, this.#sending);
  #turn: Promise<unknown> = Promise.resolve();

  create({ idempotency, ...wanted }: CreateWebhook): Promise<WebhookCreation> {
    return this.#inTurn(async () => {
      const { page } = this.#book;
      if (page !== null) return this.#createdBefore(page, idempotency);
      const at = now();
      const secret = newWebhookSecret(random);
      const endpoint = created(wanted, secret, at);
      // The ledger first: an event that arrives from here on is one that this endpoint will read.
      const entered = await this.#listing.enter(endpoint);
      if (entered === undefined) return { done: false, because: "ledger-unavailable" };
      if (entered === null) return { done: false, because: "too-many" };
      const receipts = remember(NO_RECEIPTS, idempotency, { credential: secret, version: 1 }, at, this.#sealing());
      this.#book.write({ endpoint, place: entered.place, receipts }, at);
      await this.#alarm.ringBy(after(at, LOOK_AGAIN_MS));
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
      this.#book.hurry(now());
      await this.#goOn();
    }
    return answer;
  }

  rotateSecret(ask: RotateSecret) {
    return this.#for(ask, (page): SecretRotation => {
      const at = now();
      const { overlapSeconds, idempotency } = ask;
      const before = this.#recalled(page, idempotency, at);
      if (before.found && "because" in before) return { done: false, because: before.because };
      if (before.found) return this.#rotation(page.endpoint, before.credential as WebhookSecret, at);
      const secret = newWebhookSecret(random);
      const endpoint = rotated(page.endpoint, secret, overlapSeconds, at);
      const issued = { credential: secret, version: endpoint.version };
      const receipts = remember(page.receipts, idempotency, issued, at, this.#sealing());
      this.#book.write({ ...page, endpoint, receipts }, at);
      return this.#rotation(endpoint, secret, at);
    });
  }

  remove(ask: WebhookAsk) {
    return this.#inTurn(async () => {
      const page = this.#seen(ask);
      if (page === null) return NOT_FOUND;
      await this.#book.forget();
      await this.#listing.remove(page.endpoint);
      return { reached: true, removed: true } as const;
    });
  }

  async sendTest(ask: WebhookAsk) {
    const page = this.#seen(ask);
    if (page === null) return NOT_FOUND;
    if (page.endpoint.disabledBecause !== null) return { reached: true, delivery: null } as const;
    const at = now();
    const id = newTestMessageId(random);
    this.#book.write(page, at, [{ id, keyId: null, type: TEST_TYPE, body: testBody(page.endpoint.id, at) }]);
    await this.#goOn();
    return { reached: true, delivery: this.#book.delivery(id) } as const;
  }

  deliveries(ask: DeliveriesAsk) {
    return this.#for(ask, () => ({ deliveries: this.#book.deliveries(ask.state, ask.after, ask.limit) }));
  }

  async replay(ask: WebhookAsk & { readonly messageId: MessageId }) {
    if (this.#seen(ask) === null) return NOT_FOUND;
    this.#book.replay(ask.messageId, now());
    const delivery = this.#book.delivery(ask.messageId);
    if (delivery !== null) await this.#goOn();
    return { reached: true, delivery } as const;
  }

  /** In turn, so that an endpoint which is just being made is not taken for one that is gone. */
  wake(): Promise<boolean> {
    return this.#inTurn(async () => {
      if (this.#book.active !== null) await this.#alarm.ring();
      return this.#book.page !== null;
    });
  }

  async attempt(errand: Errand): Promise<ErrandOutcome> {
    const begun = this.#handover.begin(errand);
    if (typeof begun === "string") return begun;
    const made = begun.then(() => this.#alarm.ringBy(this.#book.active === null ? now() : this.#nextSend()));
    this.ctx.waitUntil(made);
    return orAfter(
      made.then(() => "made" as const),
      PATIENCE_MS,
      "under-way" as const,
    );
  }

  override alarm(): Promise<void> {
    return this.#alarm.rang(() =>
      this.#work().catch((cause: unknown) => {
        console.warn({ message: "a webhook could not go on", cause: String(cause) });
        return after(now(), AFTER_FAILURE_MS);
      }),
    );
  }

  /** Reads what is new, sends what is due, and says when there is more to do; `null`: not by itself. */
  async #work(): Promise<EpochMs | null> {
    const hasTold = await this.#tellLedger();
    await forget(this.env.DB, this.#book);
    if (this.#book.active === null) return this.#atRest(hasTold);
    const reading = await readOn(this.env.DB, this.#book);
    const { WEBHOOK_QUEUE: queue } = this.env;
    await (queue === undefined ? this.#sending.sendDue() : this.#handover.handOver(queue));

    const at = now();
    if (this.#book.active === null) return at;
    const nextSend = this.#nextSend();
    const plans = [
      after(at, LOOK_AGAIN_MS),
      ...(hasTold && reading !== "failed" ? [] : [after(at, AFTER_FAILURE_MS)]),
      ...(nextSend === null ? [] : [nextSend]),
      ...(reading === "more" && nextSend === null ? [at] : []),
    ];
    return plans.reduce((earliest, plan) => (plan < earliest ? plan : earliest));
  }

  /** When a disabled endpoint looks again: it is sent nothing, but what it keeps grows old. `null`: not by itself. */
  #atRest(hasTold: boolean): EpochMs | null {
    if (!hasTold) return after(now(), AFTER_FAILURE_MS);
    return this.#book.page === null || this.#book.isEmpty ? null : after(now(), LOOK_AGAIN_MS);
  }

  /** When there is something to send, or to hand over; `null`: nothing waits. */
  #nextSend(): EpochMs | null {
    const due = this.#book.nextDue();
    return due === null ? null : epochMs(Math.max(due, this.#handover.roomAt(), this.#pace.quietUntil));
  }

  /** Somebody wants it to send now, also to a receiver that is given a rest. */
  async #goOn(): Promise<void> {
    this.#pace.hurry();
    this.#handover.hurry();
    await this.#alarm.ring();
  }

  /** False if there was something to tell, and the ledger did not listen. */
  async #tellLedger(): Promise<boolean> {
    const { page } = this.#book;
    return page === null || this.#listing.tell(page.endpoint);
  }

  #change(ask: WebhookAsk, step: (endpoint: Endpoint) => Endpoint) {
    return this.#inTurn(async () => {
      const page = this.#seen(ask);
      if (page === null) return NOT_FOUND;
      const changed = step(page.endpoint);
      this.#book.write({ ...page, endpoint: changed }, now());
      // For a list that is read after this; if the ledger is down the alarm tells it.
      if (!(await this.#tellLedger())) await this.#alarm.ring();
      return { reached: true, webhook: this.#record(this.#book.page?.endpoint ?? changed) } as const;
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
    const { page } = this.#book;
    return page !== null && sees(authority, page.endpoint.owner) ? page : null;
  }

  #createdBefore(page: Page, idempotency: Idempotency | null): WebhookCreation {
    const before = this.#recalled(page, idempotency, now());
    // Without a header ids are random: two of them that meet are one in 2^95.
    if (!before.found) return { done: false, because: "idempotency-mismatch" };
    if ("because" in before) return { done: false, because: before.because };
    return { done: true, webhook: this.#record(page.endpoint), secret: before.credential };
  }

  #recalled({ receipts }: Page, idempotency: Idempotency | null, at: EpochMs): Recall {
    return idempotency === null ? { found: false } : recall(receipts, idempotency, at, this.#sealing().peppers);
  }

  #sealing(): Sealing {
    return { random, peppers: peppersOf(requireConfig(this.env)) };
  }

  #rotation(endpoint: Endpoint, secret: WebhookSecret, at: EpochMs): SecretRotation {
    const validUntil = endpoint.secrets[1]?.validUntil ?? at;
    return { done: true, webhook: this.#record(endpoint), secret, validUntil };
  }

  #record({ secrets: _secrets, failuresInARow: _failures, ...endpoint }: Endpoint): WebhookRecord {
    return { ...endpoint, ...this.#book.count() };
  }

  /** One after the other, for what asks the ledger in between. */
  #inTurn<Answer>(step: () => Promise<Answer>): Promise<Answer> {
    const mine = this.#turn.then(step);
    this.#turn = mine.catch(() => {});
    return mine;
  }
}

const random: Random = (bytes) => crypto.getRandomValues(bytes);

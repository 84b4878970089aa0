import { DurableObject } from "cloudflare:workers";
import { requireConfig, type Config, type Env } from "../env.ts";
import { admit, type Admission, type Verdict } from "../key/admit.ts";
import * as changes from "../key/change.ts";
import { hintOf, mint, type KeyId } from "../key/credential.ts";
import { digestOf } from "../key/digest.ts";
import type { KeyEvent } from "../key/event.ts";
import type { Key, Secret, Step } from "../key/key.ts";
import { recordOf } from "../key/record.ts";
import { after, epochMs, ForwardClock, type EpochMs } from "../key/time.ts";
import { backoffMs, isDue, withoutTask, withTask } from "./agenda.ts";
import { Book, type Page } from "./book.ts";
import { Outbox } from "./outbox.ts";
import type {
  Ask,
  ChangeAnswer,
  ChangeOutcome,
  CreateAnswer,
  CreateCommand,
  Decided,
  EventPage,
  Found,
  KeyRpc,
  RotateAnswer,
  RotateOutcome,
} from "./rpc.ts";

/** How long a command waits for the ledger, so that a list read after it sees it, in milliseconds. */
const INLINE_DELIVERY_MS = 300;

/**
 * The one place in the world where one API key is decided.
 *
 * A step is synchronous: between looking at the key and replacing it nothing may be awaited, because waiting on
 * anything outside (D1, fetch, a timer) lets another request decide on the same old state. So secrets are hashed
 * before the call, and events leave after it.
 *
 * No answer leaves before the state it was decided on is durable. Steps that are decided while a write is on its way
 * share the next one: under load many admissions cost one row, alone one costs one. A write also fences: an instance
 * that has lost its place cannot confirm it, so it cannot let anybody in.
 */
export class KeyObject extends DurableObject<Env> implements KeyRpc {
  #config: Config = requireConfig(this.env);
  #book = new Book(this.ctx.storage);
  /** The newest state, ahead of storage while a write is on its way; `null` for an id that was never provisioned. */
  #page: Page | null = this.#wake();
  #clock = new ForwardClock(this.#page?.key.use.newest ?? epochMs(0), () => Date.now());
  #outbox = new Outbox(this.env.DB, this.#book, {
    now: () => this.#clock.now(),
    delivered: (through) => this.#delivered(through),
    failed: (cause) => this.#deliveryFailed(cause),
  });
  /** Events that the next write takes along. */
  #events: KeyEvent[] = [];
  /** How many decisions this instance has numbered. */
  #decisions = 0;
  /** Whether this instance has changed anything. */
  #changed = false;
  /** How many states were decided, and how many of them storage has confirmed. */
  #decided = 0;
  #durable = 0;
  #writing: Promise<void> | null = null;

  async create({ profile, end, by }: CreateCommand): Promise<Decided<CreateAnswer>> {
    // Whatever stands here decides, also a create that came a moment earlier and is not yet durable.
    if (this.#page !== null) return this.#answer({ created: false });

    const now = this.#clock.now();
    const fresh = this.#mint(profile.id, profile.prefix);
    const expiresAt = end === null ? null : "at" in end ? epochMs(end.at) : after(now, end.afterSeconds * 1000);
    const circumstance = { now, by, reason: null };
    const { key, events } = changes.create({ ...profile, createdAt: now }, expiresAt, fresh.secret, circumstance);
    this.#replace({ key, boot: 0, delivered: 0, agenda: new Map() }, events);
    const answer = await this.#answer({
      created: true,
      credential: fresh.credential,
      record: recordOf(key, now),
    } as const);
    await this.#deliverInline();
    return answer;
  }

  async admit(admission: Admission): Promise<Decided<Verdict>> {
    const verdict = await this.#step((key, now) => admit(key, admission, now));
    return "found" in verdict ? this.#unknown() : verdict;
  }

  async rotate(command: changes.RotateCommand & Ask): Promise<Decided<RotateAnswer>> {
    return this.#change((key, now): Step<RotateOutcome> => {
      const fresh = this.#mint(key.profile.id, key.profile.prefix);
      const step = changes.rotate(key, command, fresh.secret, { now, by: command.by, reason: command.reason });
      if (!step.answer.rotated) return { ...step, answer: step.answer };
      return { ...step, answer: { ...step.answer, credential: fresh.credential, record: recordOf(step.key, now) } };
    });
  }

  async revoke(ask: Ask): Promise<Decided<ChangeAnswer>> {
    return this.#change((key, now) => {
      const step = changes.revoke(key, { now, ...ask });
      return { ...step, answer: { done: true, record: recordOf(step.key, now) } as const };
    });
  }

  async suspend(ask: Ask): Promise<Decided<ChangeAnswer>> {
    return this.#change((key, now) => recorded(changes.suspend(key, { now, ...ask }), now));
  }

  async resume(ask: Ask): Promise<Decided<ChangeAnswer>> {
    return this.#change((key, now) => recorded(changes.resume(key, { now, ...ask }), now));
  }

  async read(): Promise<Decided<Found<{ readonly record: ReturnType<typeof recordOf> }>>> {
    const answer = await this.#step((key, now) => ({ key, events: [], answer: { record: recordOf(key, now) } }));
    return "found" in answer ? answer : { found: true, ...answer };
  }

  async events({ before, limit }: { before: number | null; limit: number }): Promise<Decided<Found<EventPage>>> {
    // Through a step like everything else, so that nothing is told that a crash could still undo.
    const answer = await this.#step((key) => ({ key, events: [], answer: {} }));
    return "found" in answer ? answer : { found: true, ...answer, events: this.#book.eventsBefore(before, limit) };
  }

  /** Does what is due. Never throws: the platform stops repeating an alarm that keeps failing, we do not. */
  override async alarm(): Promise<void> {
    if (this.#page === null) return;
    this.#book.alarmRang();
    if (isDue(this.#page.agenda, "deliver", this.#clock.now())) await this.#outbox.flush();
    await this.#settled();
    this.#book.arm();
  }

  /** Decides on the state as it is now, replaces it, and answers when that is durable. */
  #step<Answer extends object>(
    decide: (key: Key, now: EpochMs) => Step<Answer>,
  ): Promise<Decided<Answer> | Decided<{ readonly found: false }>> {
    const page = this.#page;
    if (page === null) return Promise.resolve({ found: false, decision: null });
    const { key, events, answer } = decide(page.key, this.#clock.now());
    if (key !== page.key) this.#replace({ ...page, key }, events);
    return this.#answer(answer);
  }

  /** A step that people hear of: the ledger is told before the answer, if it listens. */
  async #change<Answer extends object>(
    decide: (key: Key, now: EpochMs) => Step<Answer>,
  ): Promise<Decided<Found<Answer>>> {
    const answer = await this.#step(decide);
    if ("found" in answer) return answer;
    await this.#deliverInline();
    return { found: true, ...answer };
  }

  /** The one way in which the state moves on. An event is due for delivery from the moment it exists. */
  #replace(page: Page, events: readonly KeyEvent[]): void {
    const agenda =
      events.length === 0 || page.agenda.has("deliver")
        ? page.agenda
        : withTask(page.agenda, "deliver", {
            dueAt: after(this.#clock.now(), backoffMs(0, Math.random())),
            attempts: 0,
          });
    // What an instance numbers before its first change dies with it if it ends there, and the next instance begins with
    // the same boot. So the first change begins another: no number of a change was ever given to a refusal.
    const boot = this.#changed ? page.boot : page.boot + 1;
    this.#changed = true;
    this.#page = { ...page, boot, agenda };
    this.#events.push(...events);
    this.#decided += 1;
  }

  /** Numbers an answer and lets it go when the state it was decided on is durable. */
  async #answer<Answer extends object>(answer: Answer): Promise<Decided<Answer>> {
    this.#decisions += 1;
    const decision = `${this.#page?.boot ?? 0}.${this.#decisions}`;
    await this.#settled();
    return { ...answer, decision };
  }

  /** Waits until everything decided so far is durable. */
  async #settled(): Promise<void> {
    const mine = this.#decided;
    for (let isNext = false; this.#durable < mine; isNext = true) await (this.#writing ??= this.#commit(isNext));
  }

  /** @param isNext whether it follows on another write without a pause. */
  async #commit(isNext: boolean): Promise<void> {
    // Then a breath first: the answers of the last batch leave before this write closes the output gate on them, and
    // whoever arrives meanwhile shares it. Twice as many admissions a row, same speed.
    if (isNext) await scheduler.wait(0);
    const covers = this.#decided;
    try {
      this.#book.write(this.#page!, this.#events.splice(0));
      await this.ctx.storage.sync();
      this.#durable = covers;
    } catch (cause) {
      // Memory is ahead of storage and must not decide anything more.
      this.ctx.abort("a write failed: the key in memory is ahead of its storage");
      throw cause;
    } finally {
      this.#writing = null;
    }
  }

  async #deliverInline(): Promise<void> {
    const patience = new AbortController();
    await Promise.race([this.#outbox.flush(), scheduler.wait(INLINE_DELIVERY_MS, { signal: patience.signal })]);
    // A timer that nobody waits for would keep the object awake.
    patience.abort();
  }

  #delivered(through: number): void {
    const page = this.#page!;
    const caughtUp = through >= page.key.standing.sequence;
    this.#page = {
      ...page,
      delivered: through,
      agenda: caughtUp ? withoutTask(page.agenda, "deliver") : page.agenda,
    };
    this.#decided += 1;
    this.ctx.waitUntil(this.#settled());
  }

  #deliveryFailed(cause: unknown): void {
    const page = this.#page!;
    const keyId = page.key.profile.id;
    console.warn({ message: "the ledger could not be told", keyId, cause: String(cause) });
    const now = this.#clock.now();
    // A change that finds the ledger down must not put off the attempt that is planned already.
    if (!isDue(page.agenda, "deliver", now)) return;
    const attempts = (page.agenda.get("deliver")?.attempts ?? 0) + 1;
    const dueAt = after(now, backoffMs(attempts, Math.random()));
    this.#page = { ...page, agenda: withTask(page.agenda, "deliver", { dueAt, attempts }) };
    this.#decided += 1;
    this.ctx.waitUntil(this.#settled());
  }

  /** The state as storage has it, with the next boot: the first write after waking makes the number durable. */
  #wake(): Page | null {
    const page = this.#book.written;
    if (page === null) return null;
    // The platform gives up on an alarm that failed six times, as while a bad configuration keeps objects from waking.
    this.#book.arm();
    return { ...page, boot: page.boot + 1 };
  }

  #mint(keyId: KeyId, prefix: string): { readonly credential: string; readonly secret: Secret } {
    const { signingPepper: pepper } = this.#config;
    const credential = mint(keyId, { prefix, pepper, random: (bytes) => crypto.getRandomValues(bytes) });
    return { credential, secret: { digest: digestOf(credential), hint: hintOf(credential), pepper: pepper.id } };
  }

  #unknown(): Decided<Verdict> {
    const refusal = { reason: "unknown-key" } as const;
    return { admitted: false, at: this.#clock.now(), refusal, identity: null, allowance: null, decision: null };
  }
}

/** The answer of a change that may be refused, with the record as it is afterwards. */
function recorded(step: Step<changes.Suspension>, now: EpochMs): Step<ChangeOutcome> {
  return {
    ...step,
    answer: step.answer.done ? ({ done: true, record: recordOf(step.key, now) } as const) : step.answer,
  };
}

import type { KeyEvent } from "../key/event.ts";
import type { Key } from "../key/key.ts";
import type { EpochMs } from "../key/time.ts";
import type { HourUse } from "../key/usage.ts";
import { isDue, type Agenda, type TaskName } from "./agenda.ts";
import { NOTHING, type Book, type Page } from "./book.ts";
import { bothEffects, effectsOf, NO_EFFECTS, type Effects } from "./effects.ts";
import type { Decided } from "./rpc.ts";

/** What is to be done later, now that `next` takes the place of `was`. */
export type Plan = (was: Page, next: Page, events: readonly KeyEvent[]) => Agenda;

/**
 * The newest state of one key, ahead of its storage while a write is on its way.
 *
 * No answer leaves before the state it was decided on is durable. Steps that are decided while a write is on its way
 * share the next one: under load many admissions cost one row, alone one costs one. A write also fences: an instance
 * that has lost its place cannot confirm it, so it cannot let anybody in.
 */
export class State {
  readonly #ctx: DurableObjectState;
  readonly #book: Book;
  readonly #plan: Plan;
  readonly #carryOut: (effects: Effects) => void;
  #page: Page;
  /** Events that the next write takes along. */
  #events: KeyEvent[] = [];
  /** Hours of use that are over, likewise. */
  #hours: HourUse[] = [];
  /** What is carried out when the next write is confirmed. */
  #effects = NO_EFFECTS;
  /** How many decisions this instance has numbered. */
  #decisions = 0;
  /** Whether this instance has changed anything. */
  #changed = false;
  /** How many states were decided, and how many of them storage has confirmed. */
  #decided = 0;
  #durable = 0;
  #writing: Promise<void> | null = null;

  /**
   * @param carryOut does what a durable change asks for, before any answer leaves that was decided on it.
   * @param epoch of the ledger that hears of a key which is new here.
   */
  constructor(ctx: DurableObjectState, book: Book, plan: Plan, carryOut: (effects: Effects) => void, epoch: string) {
    this.#ctx = ctx;
    this.#book = book;
    this.#plan = plan;
    this.#carryOut = carryOut;
    const { written } = book;
    // The state as storage has it, with the next boot: the first write after waking makes the number durable.
    this.#page = written === null ? { ...NOTHING, epoch } : { ...written, boot: written.boot + 1 };
  }

  /** All that is known, whether or not storage has it yet. */
  get page(): Page {
    return this.#page;
  }

  get key(): Key | null {
    return this.#page.key;
  }

  isDue(task: TaskName, now: EpochMs): boolean {
    return isDue(this.#page.agenda, task, now);
  }

  /**
   * The one way in which the key moves on. From the state before, the state after and the events follows everything else:
   * what the next write contains, what goes onto the agenda with it, what is cut and who is told when storage has it.
   */
  commit(page: Page, events: readonly KeyEvent[] = []): void {
    // What an instance numbers before its first change dies with it if it ends there, and the next instance begins with
    // the same boot. So the first change begins another: no number of a change was ever given to a refusal.
    const boot = this.#changed ? page.boot : page.boot + 1;
    this.#changed = true;
    // Here, because every state passes here: the last one of an hour may never be written by itself.
    const hour = this.key?.use.hour ?? null;
    const next = page.key?.use.hour ?? null;
    if (hour !== null && next !== null && hour.start !== next.start) this.#hours.push(hour);
    this.#effects = bothEffects(this.#effects, effectsOf(this.#page, page));
    this.#page = { ...page, boot, agenda: this.#plan(this.#page, page, events) };
    this.#events.push(...events);
    this.#decided += 1;
  }

  /** Moves on what is not the key's: what is due later, and how much the ledger has. Nobody waits for an answer. */
  housekeep(page: Page): void {
    this.#page = page;
    this.#decided += 1;
    this.follow();
  }

  /** Forgets what no write has taken along yet. */
  dropNews(): void {
    this.#events.length = 0;
    this.#hours.length = 0;
  }

  /** Numbers an answer and lets it go when the state it was decided on is durable. */
  async answer<Answer extends object>(answer: Answer): Promise<Decided<Answer>> {
    this.#decisions += 1;
    const decision = this.#page.key === null ? null : `${this.#page.boot}.${this.#decisions}`;
    await this.settled();
    return { ...answer, decision };
  }

  /** Whether storage has everything that was decided. */
  get isSettled(): boolean {
    return this.#durable === this.#decided;
  }

  /** Waits until everything decided so far is durable. */
  async settled(): Promise<void> {
    const mine = this.#decided;
    for (let isNext = false; this.#durable < mine; isNext = true) await (this.#writing ??= this.#write(isNext));
  }

  /** Lets storage follow where nobody waits for it. */
  follow(): void {
    this.#ctx.waitUntil(this.settled());
  }

  /** @param isNext whether it follows on another write without a pause. */
  async #write(isNext: boolean): Promise<void> {
    // Then a breath first: the answers of the last batch leave before this write closes the output gate on them, and
    // whoever arrives meanwhile shares it. Twice as many admissions a row, same speed.
    if (isNext) await scheduler.wait(0);
    const covers = this.#decided;
    const effects = this.#effects;
    this.#effects = NO_EFFECTS;
    try {
      this.#book.write(this.#page, this.#events.splice(0), this.#hours.splice(0));
      await this.#ctx.storage.sync();
      this.#durable = covers;
    } catch (cause) {
      // Memory is ahead of storage and must not decide anything more.
      this.#ctx.abort("a write failed: the key in memory is ahead of its storage");
      throw cause;
    } finally {
      this.#writing = null;
    }
    this.#carryOut(effects);
  }
}

import { deliver, type Delivery } from "../ledger/deliver.ts";
import type { ChainedEvent } from "../key/chain.ts";
import { recordOf } from "../key/record.ts";
import { after, type EpochMs } from "../key/time.ts";
import { backoffMs, withoutTask, withTask } from "./agenda.ts";
import type { Book, Page } from "./book.ts";
import type { State } from "./state.ts";

const BATCH = 200;

/** Told again within 16 to 32 seconds, as after so many failures. */
const REASSERT_ATTEMPTS = 5;

/**
 * How many events may wait for the ledger before what is only worth counting is not numbered any more. A change is never
 * held back: people make few of them, and each is worth its row.
 */
export const BACKLOG_LIMIT = 10_000;

/** How long a command waits for the ledger, so that a list read after it sees it, in milliseconds. */
const INLINE_DELIVERY_MS = 300;

/**
 * Hands the key's undelivered events and its newest record to the ledger. At least once, in order, one delivery at a
 * time; the ledger turns a second delivery into nothing.
 *
 * Only what storage holds is handed over, never what memory is ahead with: people must not read of a change that a
 * crash could still undo.
 */
export class Outbox {
  readonly #db: D1Database;
  readonly #book: Book;
  readonly #state: State;
  readonly #now: () => EpochMs;
  #underWay: Promise<void> | null = null;

  constructor(db: D1Database, book: Book, state: State, now: () => EpochMs) {
    this.#db = db;
    this.#book = book;
    this.#state = state;
    this.#now = now;
  }

  /**
   * Delivers all there is; joins a delivery that is under way. Never throws: what could not be delivered is on the
   * agenda again.
   */
  flush(): Promise<void> {
    this.#underWay ??= this.#deliverAll().finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }

  /** How many events the ledger has not heard of yet. */
  get backlog(): number {
    const { page } = this.#state;
    return sequenceOf(page) - page.delivered;
  }

  /**
   * Tells a ledger of another epoch everything again: it was restored from a backup, or replaced. The ledger turns what
   * it has into nothing. Objects that a deploy has woken together do not come together.
   */
  reassert(epoch: string): void {
    const { page } = this.#state;
    if (this.#book.written === null || page.epoch === epoch) return;
    const dueAt = after(this.#now(), backoffMs(REASSERT_ATTEMPTS, Math.random()));
    const planned = page.agenda.get("deliver") ?? { dueAt, attempts: 0 };
    const agenda = sequenceOf(page) === 0 ? page.agenda : withTask(page.agenda, "deliver", planned);
    this.#state.housekeep({ ...page, epoch, delivered: 0, agenda });
  }

  /** Delivers for as long as a caller may be kept waiting. What takes longer goes on without them. */
  async flushInline(): Promise<void> {
    const patience = new AbortController();
    await Promise.race([this.flush(), scheduler.wait(INLINE_DELIVERY_MS, { signal: patience.signal })]);
    // A timer that nobody waits for would keep the object awake.
    patience.abort();
  }

  async #deliverAll(): Promise<void> {
    try {
      // Kept here as well, because the book hears of a delivery only with the next write.
      let through = 0;
      for (let page = this.#book.written; page !== null; page = this.#book.written) {
        const events = this.#book.eventsAfter(Math.max(through, page.delivered), BATCH);
        const last = events.at(-1);
        // Asked again after every delivery: whoever joined it meanwhile has brought events of their own.
        if (last === undefined) break;
        await deliver(this.#db, this.#deliveryOf(page, events));
        through = last.sequence;
        this.#delivered(through);
      }
    } catch (cause) {
      this.#failed(cause);
    }
  }

  #deliveryOf({ key, vacancy }: Page, events: readonly ChainedEvent[]): Delivery {
    if (key !== null) return { record: recordOf(key, this.#now()), events };
    if (vacancy?.kind === "purged") return { purged: vacancy.keyId, events };
    throw new Error("events without a key or its tombstone");
  }

  /** The ledger has everything up to this sequence. */
  #delivered(through: number): void {
    const { page } = this.#state;
    const agenda = through >= sequenceOf(page) ? withoutTask(page.agenda, "deliver") : page.agenda;
    this.#state.housekeep({ ...page, delivered: through, agenda });
  }

  #failed(cause: unknown): void {
    const { page } = this.#state;
    console.warn({ message: "the ledger could not be told", keyId: page.key?.profile.id, cause: String(cause) });
    const now = this.#now();
    // A change that finds the ledger down must not put off the attempt that is planned already.
    if (!this.#state.isDue("deliver", now)) return;
    const attempts = (page.agenda.get("deliver")?.attempts ?? 0) + 1;
    const dueAt = after(now, backoffMs(attempts, Math.random()));
    this.#state.housekeep({ ...page, agenda: withTask(page.agenda, "deliver", { dueAt, attempts }) });
  }
}

const sequenceOf = ({ key, vacancy }: Page): number =>
  key?.standing.sequence ?? (vacancy?.kind === "purged" ? vacancy.sequence : 0);

import { deliver, type Delivery } from "../ledger/deliver.ts";
import type { KeyEvent } from "../key/event.ts";
import { recordOf } from "../key/record.ts";
import type { EpochMs } from "../key/time.ts";
import type { Book, Page } from "./book.ts";

const BATCH = 200;

export type OutboxHooks = {
  readonly now: () => EpochMs;
  /** Called after each confirmed delivery: the ledger has everything up to this sequence. */
  readonly delivered: (through: number) => void;
  /** Called when the ledger could not be reached. */
  readonly failed: (cause: unknown) => void;
};

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
  readonly #hooks: OutboxHooks;
  #underWay: Promise<boolean> | null = null;

  constructor(db: D1Database, book: Book, hooks: OutboxHooks) {
    this.#db = db;
    this.#book = book;
    this.#hooks = hooks;
  }

  /** Delivers all there is; joins a delivery that is under way. Answers whether the ledger has it, and never throws. */
  flush(): Promise<boolean> {
    this.#underWay ??= this.#deliverAll().finally(() => {
      this.#underWay = null;
    });
    return this.#underWay;
  }

  #deliveryOf({ key, vacancy }: Page, events: readonly KeyEvent[]): Delivery {
    if (key !== null) return { record: recordOf(key, this.#hooks.now()), events };
    if (vacancy?.kind === "purged") return { purged: vacancy.keyId, events };
    throw new Error("events without a key or its tombstone");
  }

  async #deliverAll(): Promise<boolean> {
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
        this.#hooks.delivered(through);
      }
      return true;
    } catch (cause) {
      this.#hooks.failed(cause);
      return false;
    }
  }
}

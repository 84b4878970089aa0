import { deliver, sayLate, type Delivery } from "../ledger/deliver.ts";
import { recordOf } from "../key/record.ts";
import { after, epochMs, type EpochMs, type ForwardClock } from "../key/time.ts";
import type { HourUse } from "../key/usage.ts";
import type { LedgerView } from "../key/recover.ts";
import { orAfter } from "../or-after.ts";
import { backoffMs, withoutTask, withTask } from "./agenda.ts";
import { backlogOf, sequenceOf } from "./backlog.ts";
import type { Book, Page } from "./book.ts";
import type { State } from "./state.ts";

/** What one delivery carries at most: so many events, and so many bytes of them. A single event is far smaller. */
const BATCH = 200;
const BATCH_BYTES = 500_000;

/** Told again within 16 to 32 seconds, as after so many failures. */
const REASSERT_ATTEMPTS = 5;

/** After so many failures in a row it is worth a row of the ledger to say that a key cannot be told. */
const SAY_LATE_ATTEMPTS = 3;

/** How long a command waits for the ledger, so that a list read after it sees it, in milliseconds. */
const INLINE_DELIVERY_MS = 300;

/**
 * Hands the key's undelivered events, its use by the hour and its newest record to the ledger. At least once, in order,
 * one delivery at a time; the ledger turns a second delivery into nothing.
 *
 * Only what storage holds is handed over, never what memory is ahead with: people must not read of a change that a
 * crash could still undo.
 */
export class Outbox {
  readonly #db: D1Database;
  readonly #book: Book;
  readonly #state: State;
  readonly #clock: ForwardClock;
  #underWay: Promise<void> | null = null;
  /** The hour under way as the ledger last heard of it; `null` if that is not known. */
  #hourTold: HourUse | null = null;

  constructor(db: D1Database, book: Book, state: State, clock: ForwardClock) {
    this.#db = db;
    this.#book = book;
    this.#state = state;
    this.#clock = clock;
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

  /** Whether the ledger lacks anything that it was told. What is too old to be told again it lacks for ever. */
  isLacking({ status, newest, events, anchor, revision }: LedgerView): boolean {
    const { page } = this.#state;
    const { key, delivered } = page;
    if (key === null) return status !== "purged" || newest.sequence < delivered;
    const isOld = backlogOf(page) === 0 && revision < key.standing.revision;
    return newest.sequence < delivered || events < newest.sequence - anchor || isOld;
  }

  /**
   * Tells a ledger of another epoch everything again: it was restored from a backup, or replaced. The ledger turns what
   * it has into nothing. Objects that a deploy has woken together do not come together.
   */
  reassert(epoch: string): void {
    const { page } = this.#state;
    if (this.#book.written === null || page.epoch === epoch) return;
    const dueAt = after(this.#clock.now(), backoffMs(REASSERT_ATTEMPTS, Math.random()));
    const planned = page.agenda.get("deliver") ?? { dueAt, attempts: 0 };
    const agenda = sequenceOf(page) === 0 ? page.agenda : withTask(page.agenda, "deliver", planned);
    this.#state.housekeep({ ...page, epoch, delivered: 0, hoursDelivered: null, agenda });
  }

  /** Tells everything again that is still held: the ledger lacks something that it had. */
  async repeat(): Promise<void> {
    const { page } = this.#state;
    this.#state.housekeep({ ...page, delivered: 0 });
    await this.#state.settled();
    await this.flush();
  }

  /** Delivers for as long as a caller may be kept waiting. What takes longer goes on without them. */
  async flushInline(): Promise<void> {
    await orAfter(this.flush(), INLINE_DELIVERY_MS, undefined);
  }

  async #deliverAll(): Promise<void> {
    try {
      // Kept here as well, because the book hears of a delivery only with the next write.
      let told: Told = NOTHING;
      for (let page = this.#book.written; page !== null; page = this.#book.written) {
        const news = this.#newsOf(page, told);
        // Asked again after every delivery: whoever joined it meanwhile has brought news of their own.
        if (news === null) {
          // A task that finds nothing to do is done: left where it is, it would ring for ever.
          this.#delivered(told);
          break;
        }
        await deliver(this.#db, news.delivery);
        told = news.told;
        this.#delivered(told);
      }
    } catch (cause) {
      this.#failed(cause);
      await this.#sayLate(cause);
    }
  }

  /** A key that the ledger refuses, while it takes others, would be late and nobody would know. */
  async #sayLate(failure: unknown): Promise<void> {
    const { agenda, delivered } = this.#state.page;
    if ((agenda.get("deliver")?.attempts ?? 0) < SAY_LATE_ATTEMPTS) return;
    const [oldest] = this.#book.eventsAfter(delivered, 1, BATCH_BYTES);
    if (oldest !== undefined) await sayLate(this.#db, failure, { at: this.#clock.now(), since: oldest.at });
  }

  /** What the ledger does not have yet, as far as one delivery can carry it; `null` if it has everything. */
  #newsOf(page: Page, told: Told): { readonly delivery: Delivery; readonly told: Told } | null {
    const { key, vacancy } = page;
    const through = Math.max(told.through, page.delivered);
    const events = this.#book.eventsAfter(through, BATCH, BATCH_BYTES);
    if (key === null) {
      if (events.length === 0) return null;
      if (vacancy?.kind !== "purged") throw new Error("events without a key or its tombstone");
      const last = events.at(-1)!.sequence;
      return { delivery: { purged: vacancy.keyId, events }, told: { ...told, through: last } };
    }
    const over = this.#book.hoursAfter(latest(told.hours, page.hoursDelivered), BATCH);
    const { hour } = key.use;
    // An hour under way is told as it stands, over and over: the ledger keeps the newest reading.
    const current = hour === null || isSameReading(hour, this.#hourTold) ? [] : [hour];
    if (events.length === 0 && over.length === 0 && current.length === 0) return null;
    this.#hourTold = hour;
    const now = this.#clock.now();
    const hasFailed = (page.agenda.get("deliver")?.attempts ?? 0) > 0;
    const late = hasFailed && events.length > 0 ? { at: now, since: events[0]!.at } : undefined;
    return {
      delivery: { record: recordOf(key, now), events, hours: [...over, ...current], late },
      told: { through: events.at(-1)?.sequence ?? through, hours: over.at(-1)?.start ?? told.hours },
    };
  }

  /** The ledger has this much. */
  #delivered({ through, hours }: Told): void {
    const { page } = this.#state;
    const delivered = Math.max(page.delivered, through);
    const hoursDelivered = latest(hours, page.hoursDelivered);
    const agenda = delivered >= sequenceOf(page) ? withoutTask(page.agenda, "deliver") : page.agenda;
    if (delivered === page.delivered && hoursDelivered === page.hoursDelivered && agenda === page.agenda) return;
    this.#state.housekeep({ ...page, delivered, hoursDelivered, agenda });
  }

  #failed(cause: unknown): void {
    const { page } = this.#state;
    console.warn({ message: "the ledger could not be told", keyId: page.key?.profile.id, cause: String(cause) });
    const now = this.#clock.now();
    this.#hourTold = null;
    // A change that finds the ledger down must not put off the attempt that is planned already.
    if (page.agenda.has("deliver") && !this.#state.isDue("deliver", now)) return;
    const attempts = (page.agenda.get("deliver")?.attempts ?? 0) + 1;
    const dueAt = after(now, backoffMs(attempts, Math.random()));
    this.#state.housekeep({ ...page, agenda: withTask(page.agenda, "deliver", { dueAt, attempts }) });
  }
}

/** How far deliveries have come: up to this event, and this hour that is over. */
type Told = { readonly through: number; readonly hours: EpochMs | null };

const NOTHING: Told = { through: 0, hours: null };

const latest = (a: EpochMs | null, b: EpochMs | null): EpochMs | null =>
  a === null ? b : b === null ? a : epochMs(Math.max(a, b));

const isSameReading = (hour: HourUse, told: HourUse | null): boolean =>
  hour.start === told?.start && hour.changes === told.changes;

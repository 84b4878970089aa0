import type { Key } from "../key/key.ts";
import { after, DAY_MS, epochMs, type ForwardClock } from "../key/time.ts";
import { withDue, withoutTask, type TaskName } from "./agenda.ts";
import type { Attachments } from "./attachments.ts";
import type { Book } from "./book.ts";
import { ERRANDS, type Errand } from "./errands.ts";
import type { Outbox } from "./outbox.ts";
import { EVENTS_KEPT_MS } from "./plan.ts";
import type { State } from "./state.ts";
import type { Tally } from "./tally.ts";

/** Events grow old one after the other: an object is not woken for each of them, but once a day at most. */
const PRUNE_AGAIN_MS = DAY_MS;

/** The parts of an object that have something to do when its alarm rings. */
type Parts = {
  readonly book: Book;
  readonly state: State;
  readonly clock: ForwardClock;
  readonly attachments: Attachments;
  readonly tally: Tally;
  readonly outbox: Outbox;
};

/** Does what is on the agenda when its time has come. */
export class Duties {
  readonly #parts: Parts;
  readonly #state: State;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#state = parts.state;
  }

  /** The key as it stands now: what was due by its time has happened, however late the alarm may be. */
  present(): Key | null {
    if (this.#isDue("close-reservations")) this.#run("close-reservations");
    if (this.#isDue("end-rest")) this.#run("end-rest");
    return this.#state.key;
  }

  /** The alarm has rung. What happens here first, what needs others last: while one waits for them, no second rings. */
  async rang(): Promise<void> {
    const { book, attachments, tally, outbox } = this.#parts;
    book.alarmRang();
    if (this.#isDue("erase-repeat")) this.#run("erase-repeat");
    if (this.#isDue("cut-exchanges")) {
      const { page } = this.#state;
      this.#state.housekeep({ ...page, agenda: withoutTask(page.agenda, "cut-exchanges") });
      attachments.cut();
    }
    this.present();
    if (this.#isDue("announce-rotation")) this.#run("announce-rotation");
    if (this.#isDue("tell-refusals")) tally.flush();
    if (this.#isDue("announce-expiry")) this.#run("announce-expiry");
    if (this.#isDue("deliver")) await outbox.flush();
    await this.#state.settled();
    if (this.#isDue("prune-events")) this.#pruneEvents();
    await this.#state.settled();
    book.arm();
  }

  /** Does one thing that needs nothing but the state. */
  #run(errand: Errand): void {
    const { page, events } = ERRANDS[errand](this.#state.page, this.#parts.clock.now());
    if (page.key === this.#state.key) return this.#state.housekeep(page);
    this.#state.commit(page, events);
    this.#state.follow();
  }

  /** Lets go of events that are older than 30 days, if the ledger has them; what it does not have stays. */
  #pruneEvents(): void {
    const { book, clock } = this.#parts;
    const { page } = this.#state;
    const now = clock.now();
    const oldest = book.pruneEvents(after(now, -EVENTS_KEPT_MS), book.written!.delivered);
    const dueAt = oldest === null ? null : epochMs(Math.max(after(oldest, EVENTS_KEPT_MS), after(now, PRUNE_AGAIN_MS)));
    this.#state.housekeep({ ...page, agenda: withDue(page.agenda, "prune-events", dueAt) });
  }

  #isDue(task: TaskName): boolean {
    return this.#state.isDue(task, this.#parts.clock.now());
  }
}

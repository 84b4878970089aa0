import type { Admission } from "../key/admission.ts";
import type { Verdict } from "../key/admit.ts";
import { note } from "../key/change.ts";
import { noteClient, type Client } from "../key/client.ts";
import { redact } from "../key/credential.ts";
import type { By, KeyEvent } from "../key/event.ts";
import type { Key, Moved } from "../key/key.ts";
import { cut } from "../key/event-making.ts";
import {
  endOfMinute,
  mergeRefusals,
  noteRefusal,
  refusalDetail,
  type RefusalCount,
  type RefusalCounts,
} from "../key/refusal-count.ts";
import type { EpochMs, ForwardClock } from "../key/time.ts";
import { countRefusals, sumOf, type Counts } from "../key/usage.ts";
import { withDue, withoutTask } from "./agenda.ts";
import { backlogOf, BACKLOG_LIMIT } from "./backlog.ts";
import type { State } from "./state.ts";

/** How long after a decision at the latest what came of it is written down and told, in milliseconds. */
export const FLUSH_AFTER_MS = 4_500;

/**
 * What is counted of decisions beside what they decide on: refusals by reason and minute, and the addresses of clients.
 * It costs a decision no row: a timer writes it down within seconds. A crash may lose the last of it, and loses nothing
 * that anything is decided by: admissions and units are counted in the key's own state.
 */
export class Tally {
  readonly #state: State;
  readonly #clock: ForwardClock;
  readonly #flushed: () => void;
  readonly #clients: Map<string, Client>;
  readonly #refused = new Map<string, RefusalCount>();
  #clientsChanged = false;
  #timer: ReturnType<typeof setTimeout> | null = null;

  /** @param flushed called when there is something to tell the ledger. */
  constructor(state: State, clock: ForwardClock, flushed: () => void) {
    this.#state = state;
    this.#clock = clock;
    this.#flushed = flushed;
    this.#clients = new Map(state.page.clients);
  }

  /** The addresses from which the key was used lately, the latest first. */
  get clients(): readonly Client[] {
    return [...this.#clients.values()].toReversed();
  }

  /** Counts a decision, unless it was only a question. */
  note(admission: Admission, verdict: Verdict): void {
    if (admission.dryRun || this.#state.key === null) return;
    if (!verdict.admitted) {
      const { reason } = verdict.refusal;
      // Not a refusal, but the object's word to the Worker that it has to ask in another way.
      if (reason === "slot-required") return;
      noteRefusal(this.#refused, reason, verdict.at, () => sampleOf(admission), 1 + (admission.alsoRefused ?? 0));
    } else if (admission.ip !== null) {
      noteClient(this.#clients, admission.ip, admission.call?.country ?? null, verdict.at);
      this.#clientsChanged = true;
    }
    this.#timer ??= setTimeout(() => this.flush(), FLUSH_AFTER_MS);
  }

  /** Forgets what is only in memory, with the key. */
  clear(): void {
    this.#startAnew();
    this.#clients.clear();
  }

  /** What was counted is written down, or forgotten: the next decision sets the timer anew. */
  #startAnew(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#refused.clear();
    this.#clientsChanged = false;
  }

  /** The key was purged with what was to be told of it. The task must go too, or the alarm rings for it for ever. */
  #withdraw(): void {
    this.clear();
    const { page } = this.#state;
    const agenda = withoutTask(page.agenda, "tell-refusals");
    if (agenda !== page.agenda) this.#state.housekeep({ ...page, refusals: new Map(), clients: new Map(), agenda });
  }

  /** Writes down what was counted, makes events of the minutes that are over, and has the ledger told. */
  flush(): void {
    const { page } = this.#state;
    if (page.key === null) return this.#withdraw();
    const now = this.#clock.now();
    const told = tell(page.key, mergeRefusals(page.refusals, this.#refused), now, BACKLOG_LIMIT - backlogOf(page));
    const key = this.#refused.size === 0 ? told.key : withRefused(told.key, reasonsIn(this.#refused), now);
    const refusals = told.open.size === 0 && page.refusals.size === 0 ? page.refusals : told.open;
    const clients = this.#clientsChanged ? new Map(this.#clients) : page.clients;
    this.#startAnew();

    const agenda = withDue(page.agenda, "tell-refusals", nextEnd(refusals));
    const next = { ...page, key, refusals, clients, agenda };
    if (key !== page.key) {
      this.#state.commit(next, told.events);
      this.#state.follow();
    } else if (refusals !== page.refusals || clients !== page.clients || agenda !== page.agenda) {
      this.#state.housekeep(next);
    }
    this.#flushed();
  }
}

/**
 * Numbers the counts that are final, as events. @param room how many more events may wait for the ledger: what finds none
 * is not told one by one, while the ledger is away for so long.
 */
function tell(key: Key, counts: RefusalCounts, now: EpochMs, room: number): Moved & { readonly open: RefusalCounts } {
  const open = new Map<string, RefusalCount>();
  const events: KeyEvent[] = [];
  let counted = key;
  for (const [name, refusals] of counts) {
    if (now < endOfMinute(refusals.minute)) {
      open.set(name, refusals);
      continue;
    }
    if (events.length >= room) continue;
    const circumstance = { now, by: byOf(refusals), reason: null };
    const step = note(counted, "key.refused", circumstance, refusalDetail(refusals));
    counted = step.key;
    events.push(...step.events);
  }
  return { key: counted, events, open };
}

/** Whoever was refused is not known, but for one of them where the request came from. */
const byOf = ({ sample }: RefusalCount): By => ({
  actor: "caller",
  requestId: sample.requestId,
  ip: sample.ip,
  userAgent: null,
  country: sample.country,
});

/** How often something was refused for each reason, in whatever minute. */
const reasonsIn = (counts: RefusalCounts): Counts =>
  [...counts.values()].reduce<Counts>((sum, { reason, count }) => sumOf(sum, { [reason]: count }), {});

const withRefused = (key: Key, reasons: Counts, now: EpochMs): Key => ({
  ...key,
  use: { ...key.use, newest: now, hour: countRefusals(key.use.hour, reasons, now) },
});

function nextEnd(counts: RefusalCounts): EpochMs | null {
  const [first] = counts.values();
  return first === undefined ? null : endOfMinute(first.minute);
}

const sampleOf = ({ requestId, ip, call }: Admission): RefusalCount["sample"] => ({
  requestId: requestId ?? "",
  ip,
  country: call?.country ?? null,
  method: cut(call?.method ?? null),
  // Whoever asks over the control API names the path, and may put anything into it.
  path: call?.path ? cut(redact(call.path)) : null,
});

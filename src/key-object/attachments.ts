import type { Verdict } from "../key/admit.ts";
import { note } from "../key/change.ts";
import type { ForwardClock } from "../key/time.ts";
import { nextEnd } from "../key/version-end.ts";
import { withDue } from "./agenda.ts";
import { BY_POLICY } from "./errands.ts";
import type { Exchanges, Line } from "./exchanges.ts";
import type { Decided } from "./rpc.ts";
import type { State } from "./state.ts";

/** Holds what is open under a key to that key: it is cut when the version it was admitted under does not hold any more. */
export class Attachments {
  readonly #exchanges: Exchanges;
  readonly #state: State;
  readonly #clock: ForwardClock;

  constructor(exchanges: Exchanges, state: State, clock: ForwardClock) {
    this.#exchanges = exchanges;
    this.#state = state;
    this.#clock = clock;
  }

  /** Hands out the far end of an exchange, once it is on the agenda when it is to be cut at the latest. */
  async attach(line: Line, verdict: Decided<Verdict> | null): Promise<Response> {
    this.#planCut();
    await this.#state.settled();
    if (verdict !== null) line.near.send(JSON.stringify(verdict));
    this.#exchanges.handedOut(line);
    // The request may have been what its key was suspended for: then its own exchange ends with the others.
    this.cut();
    return new Response(null, { status: 101, webSocket: line.far });
  }

  /** Cuts what was admitted under a version that no longer holds, and notes how many there were. */
  cut(): void {
    if (!this.#exchanges.any) return;
    const { page } = this.#state;
    const now = this.#clock.now();
    const count = this.#exchanges.cut(page.key, now);
    if (count > 0 && page.key !== null) {
      const step = note(page.key, "key.exchanges-cut", { now, by: BY_POLICY, reason: null }, { count });
      this.#state.commit({ ...page, key: step.key }, step.events);
      this.#state.follow();
    }
    this.#planCut();
  }

  /** Puts on the agenda when the next exchange may have to be cut, if any is open. */
  #planCut(): void {
    const { page } = this.#state;
    if (page.key === null || !this.#exchanges.any) return;
    const agenda = withDue(page.agenda, "cut-exchanges", nextEnd(page.key, this.#clock.now()));
    if (agenda !== page.agenda) this.#state.housekeep({ ...page, agenda });
  }
}

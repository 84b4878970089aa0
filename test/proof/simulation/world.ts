import type { Dice } from "../../support/dice.ts";

/** Who a step belongs to: it does not happen once they are gone. */
export type Actor = { alive: boolean; readonly clock: () => number };

type Planned = { readonly at: number; readonly order: number; readonly by: Actor | null; readonly run: () => void };

/** More steps than any schedule needs to come to rest. */
const ENDLESS = 5_000;

/**
 * A world with a clock and a future of its own: whatever happens is a step, steps happen one after the other, and chance
 * decides how long each takes to come. Between two steps everything that waits for nothing has been done.
 *
 * While it turns, `Date.now`, timers and `Math.random` are the world's, and the clock is that of whoever the step belongs
 * to: the product runs as it is.
 */
export class World {
  readonly roll: Dice;
  /** Epoch milliseconds, as no clock in the world shows them. */
  time: number;
  #future: Planned[] = [];
  #planned = 0;
  #now: Actor | null = null;

  constructor(roll: Dice, start: number) {
    this.roll = roll;
    this.time = start;
  }

  /** Whose step it is. */
  get actor(): Actor | null {
    return this.#now;
  }

  /** Plans a step in so many milliseconds. `by`: nobody's if `null`, as what happens on a network. */
  in(ms: number, by: Actor | null, run: () => void): Planned {
    const planned = { at: this.time + ms, order: (this.#planned += 1), by, run };
    let place = this.#future.length;
    while (place > 0 && this.#future[place - 1]!.at > planned.at) place--;
    this.#future.splice(place, 0, planned);
    return planned;
  }

  cancel(planned: Planned): void {
    this.#future = this.#future.filter((each) => each !== planned);
  }

  /** Does something in the name of somebody, within a step that is another's. */
  as<T>(by: Actor, run: () => T): T {
    const now = this.#now;
    this.#now = by;
    try {
      return run();
    } finally {
      this.#now = now;
    }
  }

  /** Goes on until nothing is left to happen. False: it does not come to rest. */
  async settle(): Promise<boolean> {
    for (let steps = 0; steps < ENDLESS; steps++) {
      const next = this.#future.shift();
      if (next === undefined) return true;
      this.time = next.at;
      if (next.by !== null && !next.by.alive) continue;
      this.#now = next.by;
      next.run();
      await new Promise(realImmediate);
    }
    return false;
  }

  /** Lets the product see this world and no other until `turn` is over. */
  async rule<T>(turn: () => Promise<T>): Promise<T> {
    const { setTimeout, clearTimeout, console } = globalThis;
    const { now } = Date;
    const { random } = Math;
    const { stackTraceLimit } = Error;
    const globals = globalThis as unknown as Record<string, unknown>;
    const scheduler = globals["scheduler"];
    Date.now = () => (this.#now === null ? this.time : this.#now.clock());
    Math.random = () => this.roll.below(1_000_000) / 1_000_000;
    globals["setTimeout"] = (run: () => void, ms: number) => this.in(ms, this.#now, run);
    globals["clearTimeout"] = (planned: Planned | undefined) => planned && this.cancel(planned);
    globals["scheduler"] = { wait: (ms: number, { signal }: SchedulerWaitOptions = {}) => this.#wait(ms, signal) };
    // What an object says of the faults that are staged here is of no interest.
    globals["console"] = { ...console, warn: () => {}, log: () => {}, error: () => {} };
    // Nobody looks at where they come from, and there are many.
    Error.stackTraceLimit = 0;
    try {
      return await turn();
    } finally {
      Date.now = now;
      Math.random = random;
      Error.stackTraceLimit = stackTraceLimit;
      Object.assign(globals, { setTimeout, clearTimeout, scheduler, console });
    }
  }

  #wait(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const planned = this.in(ms, this.#now, resolve);
      signal?.addEventListener("abort", () => this.cancel(planned));
    });
  }
}

const realImmediate = setImmediate;

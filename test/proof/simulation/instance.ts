import type { KeyObject } from "../../../src/key-object/key-object.ts";
import type { KeyRpc } from "../../../src/key-object/rpc.ts";
import { ADMIN } from "../../../src/key/authority.ts";
import { step, type State } from "../model/key.ts";
import type { Answer, Call } from "../model/call.ts";
import type { FencedStore } from "./fenced-store.ts";
import type { SimulatedLedger } from "./ledger.ts";
import { Replica } from "./replica.ts";
import type { Actor, World } from "./world.ts";

/**
 * A state of the model, and the one it came from. The states of one instance are a line; where another instance takes
 * over, the line goes on from what was durable then, and what was decided beyond ends blind.
 */
export type Moment = { readonly state: State; readonly before: Moment | null; durable: boolean };

/** What an instance must say to a call, and the moment at which it has decided it. */
export type Decision = { readonly told: Answer; readonly moment: Moment; readonly hasChanged: boolean };

/**
 * One instance of a key's object as it is deployed, with its own clock and its own storage, and beside it the model: every
 * call is a step of both.
 */
export class Instance implements Actor {
  alive = true;
  readonly object: KeyRpc & Pick<KeyObject, "alarm">;
  readonly replica: Replica<Moment>;
  readonly #world: World;
  #moment: Moment;
  /** How far its clock is off, in milliseconds; changes, also backwards. */
  skew: number;
  /** What its clock that never goes back shows. */
  #newest = 0;
  onEnd: () => void = () => {};

  constructor(
    KeyObjectClass: typeof KeyObject,
    { world, store, ledger, durable, isProvisioned, delay }: Surroundings,
    skew: number,
  ) {
    this.#world = world;
    this.#moment = durable;
    this.skew = skew;
    const tagNow = () => this.#moment;
    this.replica = new Replica(world, store, this, { isProvisioned, tag: durable, tagNow, delay });
    const ctx = {
      storage: this.replica,
      waitUntil: (work: Promise<unknown>) => void work.catch(() => {}),
      abort: () => this.end(),
      getWebSockets: () => [],
    };
    const parts = this.replica.sql.exec("SELECT name FROM sqlite_master WHERE name = 'part'")!.toArray();
    if (parts.length > 0) {
      const [row] = this.replica.sql
        .exec("SELECT json ->> '$.newest' AS newest FROM part WHERE name = 'use'")!
        .toArray();
      this.#newest = Number(row?.["newest"] ?? 0);
    }
    this.object = world.as(this, () => new KeyObjectClass(ctx as unknown as DurableObjectState, ledger.env));
  }

  /** What its machine shows. The object has seen it then, and its own clock never goes back behind it. */
  clock = (): number => {
    this.#newest = this.now;
    return this.shown;
  };

  get shown(): number {
    return this.#world.time + this.skew;
  }

  /** The instant at which it would judge. */
  get now(): number {
    return Math.max(this.#newest, this.shown);
  }

  get state(): State {
    return this.#moment.state;
  }

  /** What is to come of a call that reaches it now. */
  decide(call: Call): Decision {
    if (this.#isLate(call)) {
      // What is due is written down by itself, before anything is decided: a question has it so.
      this.#advance(step(this.#moment.state, { do: "read" }, this.now).state);
      this.object.read({ authority: ADMIN }).catch(() => {});
    }
    const { state, answer } = step(this.#moment.state, call, this.now);
    const hasChanged = this.#advance(state);
    return { told: answer, moment: this.#moment, hasChanged };
  }

  #advance(state: State): boolean {
    if (state === this.#moment.state) return false;
    this.#moment = { state, before: this.#moment, durable: false };
    return true;
  }

  /** Whether something is to be done first because its time has come. */
  #isLate({ do: what }: Call): boolean {
    const { state } = this.#moment;
    if (state.is !== "key" || what === "obey" || what === "purge" || what === "create") return false;
    return state.rules.idleMs !== null || step(state, { do: "read" }, this.now).state !== state;
  }

  /** Its process ends: nothing that it waits for comes any more. */
  end(): void {
    if (!this.alive) return;
    this.alive = false;
    this.onEnd();
  }
}

export type Surroundings = {
  readonly world: World;
  readonly store: FencedStore<Moment>;
  readonly ledger: SimulatedLedger;
  /** The newest state that the store has. */
  readonly durable: Moment;
  readonly isProvisioned: boolean;
  readonly delay: () => number;
};

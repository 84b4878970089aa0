import type { KeyObject } from "../../../src/key-object/key-object.ts";
import type { ReservationId } from "../../../src/key/reservation.ts";
import { dice, type Dice } from "../../support/dice.ts";
import { Plan } from "../campaigns/c5-core.ts";
import { explains } from "../model/explains.ts";
import { LENIENT, type Answer, type Call } from "../model/call.ts";
import { ABSENT } from "../model/key.ts";
import { ID } from "../support/core-under-test.ts";
import { ask, type Heard } from "./ask.ts";
import { faultIn, LedgerWatch } from "./audit.ts";
import { FencedStore } from "./fenced-store.ts";
import { Instance, type Decision, type Moment } from "./instance.ts";
import type { SimulatedLedger } from "./ledger.ts";
import { isBroken, Promises } from "./promises.ts";
import { World } from "./world.ts";

const CALLS = 14;
const START = Date.UTC(2026, 11, 31, 21);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

export type Counts = Record<string, number>;

/** Plays one schedule to its end. Answers what contradicts a promise; `null`: nothing does. */
export async function play(
  KeyObjectClass: typeof KeyObject,
  ledger: SimulatedLedger,
  seed: number,
  counts: Counts,
): Promise<string | null> {
  const world = new World(dice(seed), START);
  const schedule = new Schedule(KeyObjectClass, world, ledger, counts);
  try {
    return await world.rule(() => schedule.play());
  } catch (cause) {
    return `thrown: ${String(cause)}`;
  } finally {
    schedule.close();
  }
}

/** The key of one schedule, its instances, and the clients who ask it. */
class Schedule {
  readonly #KeyObject: typeof KeyObject;
  readonly #world: World;
  readonly #roll: Dice;
  readonly #ledger: SimulatedLedger;
  readonly #counts: Counts;
  readonly #store = new FencedStore<Moment>(() => this.#expectAlarm());
  readonly #beginning: Moment = { state: ABSENT, before: null, durable: true };
  readonly #isProvisioned: boolean;
  readonly #instances: Instance[] = [];
  readonly #plan: { next(now: number): Call };
  readonly #promises = new Promises();
  readonly #watch: LedgerWatch;
  readonly #credentials = new Map<string, string>();
  readonly #names = new Map<string, string>();
  readonly #reservations = new Map<string, ReservationId>();
  #violation: string | null = null;
  #calm = false;

  constructor(KeyObjectClass: typeof KeyObject, world: World, ledger: SimulatedLedger, counts: Counts) {
    this.#KeyObject = KeyObjectClass;
    this.#world = world;
    this.#roll = world.roll;
    this.#ledger = ledger;
    this.#counts = counts;
    this.#isProvisioned = !this.#roll.onceIn(20);
    const plan = new Plan(this.#roll);
    const crowd = this.#roll.onceIn(4) ? new Crowd(this.#roll) : null;
    this.#plan = { next: (now) => crowd?.next(this.#known) ?? plan.next(this.#known, now) };
    this.#watch = new LedgerWatch(ledger, ID);
    ledger.begin(world, () => this.#blame(this.#watch.look()));
  }

  close(): void {
    for (const instance of this.#instances) {
      instance.alive = false;
      instance.replica.close();
    }
  }

  async play(): Promise<string | null> {
    const roll = this.#roll;
    let at = 0;
    for (let turn = 0; turn < CALLS; turn++) {
      at += roll.pick([0, 0, 1, roll.below(10), roll.below(50), roll.below(2_000), turn < 3 ? 0 : this.#pause()]);
      this.#world.in(at, null, () => this.#call());
      if (roll.onceIn(4)) this.#world.in(at + roll.below(40), null, () => this.#trouble());
    }
    if (!(await this.#world.settle())) return "the schedule does not come to rest";
    return this.#violation ?? (await this.#atRest());
  }

  #pause = (): number => this.#roll.pick([0, this.#roll.below(MINUTE), this.#roll.below(20 * MINUTE), HOUR]);

  /** How long a message is under way, in milliseconds. */
  #delay = (): number => {
    if (this.#calm) return 1;
    return this.#roll.onceIn(12) ? this.#roll.below(3_000) : 1 + this.#roll.below(15);
  };

  /** A state that clients may know of: what they ask for should mostly make sense. */
  get #known(): Moment["state"] {
    const newest = this.#instances.findLast(({ alive }) => alive);
    return newest?.state ?? this.#durable.state;
  }

  get #durable(): Moment {
    return this.#store.log.at(-1)?.tag ?? this.#beginning;
  }

  /** An instance begins where the store stands now. Those before it are superseded. */
  #wake(): Instance {
    const roll = this.#roll;
    const skew = this.#calm ? 0 : roll.pick([0, 0, roll.below(2_000), -roll.below(2_000), roll.below(HOUR) - HOUR / 2]);
    for (let each: Moment | null = this.#durable; each !== null && !each.durable; each = each.before)
      each.durable = true;
    const instance = new Instance(
      this.#KeyObject,
      {
        world: this.#world,
        store: this.#store,
        ledger: this.#ledger,
        durable: this.#durable,
        isProvisioned: this.#isProvisioned,
        delay: this.#delay,
      },
      skew,
    );
    this.#instances.push(instance);
    this.#count("instances");
    return instance;
  }

  #newest(): Instance {
    const newest = this.#instances.at(-1);
    return newest?.alive ? newest : this.#wake();
  }

  /** Mostly the newest instance, and often one that was superseded and does not know. */
  #recipient(): Instance {
    const stale = this.#instances.slice(0, -1).filter(({ alive }) => alive);
    if (this.#calm || stale.length === 0 || !this.#roll.onceIn(2)) return this.#newest();
    this.#count("calls on a superseded instance");
    return this.#roll.pick(stale);
  }

  #trouble(): void {
    const roll = this.#roll;
    const some = this.#instances.filter(({ alive }) => alive);
    switch (roll.below(6)) {
      case 0:
      case 1:
        this.#count("takeovers");
        this.#wake();
        return;
      case 2:
        if (some.length > 0) roll.pick(some).end();
        this.#count("kills");
        return;
      case 3:
        if (some.length > 0) roll.pick(some).replica.breaks = true;
        this.#count("failing writes");
        return;
      default:
        if (some.length > 0) roll.pick(some).skew += roll.pick([roll.below(10_000), -roll.below(10_000), -HOUR]);
        this.#count("steps of a clock");
    }
  }

  /** A client makes a call. It reaches an instance, or not, and so does its answer. */
  #call(forced?: Call): void {
    const call = this.#presentable(forced ?? this.#plan.next(this.#world.time));
    if (call.do === "ring") return;
    const calledAt = this.#promises.call(call);
    this.#count("calls");
    if (this.#isLost()) return;
    this.#world.in(this.#delay(), null, () => this.#arrive(call, calledAt));
    // An order of the owner may be told again, and overtake a newer one.
    if (call.do === "obey" && this.#roll.onceIn(2)) {
      this.#world.in(this.#roll.below(5_000), null, () => this.#arrive(call, calledAt));
    }
  }

  #arrive(call: Exclude<Call, { do: "ring" }>, calledAt: number): void {
    const instance = this.#recipient();
    // Within a step of its own, so that what follows of it is this instance's.
    this.#world.in(0, instance, () => {
      const names = {
        credentialOf: (name: string) => this.#credentials.get(name) ?? name,
        reservationOf: (name: string) => this.#reservations.get(name) ?? ("res_unheard-of" as ReservationId),
      };
      const decision = instance.decide(call);
      ask(instance.object, call, names)
        .then((heard) => instance.alive && this.#answered(call, calledAt, decision, heard))
        .catch((cause: unknown) => {
          if (instance.alive) this.#blame(`${JSON.stringify(call)} made an instance that lives throw ${String(cause)}`);
        });
    });
  }

  /** An answer has left its instance. */
  #answered(call: Call, calledAt: number, { told, moment, hasChanged }: Decision, { answer, ...more }: Heard): void {
    const where = `${JSON.stringify(call)} heard ${JSON.stringify(answer)}`;
    if (!explains(told, withoutAside(answer))) return this.#blame(`${where}, the model ${JSON.stringify(told)}`);
    this.#note();
    if (more.decision !== null && !moment.durable) return this.#blame(`${where} before that was durable`);
    if (this.#isLost()) return;
    this.#world.in(this.#delay(), null, () => {
      this.#count("answers heard");
      this.#blame(this.#learn(told, more));
      if (hasChanged) this.#promises.acknowledge(moment, where);
      this.#blame(isBroken(this.#promises, call, calledAt, answer));
    });
  }

  /** Marks what the store has. */
  #note(): void {
    for (let each: Moment | null = this.#durable; each !== null && !each.durable; each = each.before)
      each.durable = true;
  }

  /** The client knows from now on what it was told. One credential has one name. */
  #learn(told: Answer, { credential, reservation }: Omit<Heard, "answer">): string | null {
    if (reservation !== undefined) this.#reservations.set(String(told["reservation"]), reservation);
    const name = told["secret"];
    if ((credential ?? undefined) === undefined)
      return name === undefined ? null : `no secret came with ${JSON.stringify(name)}`;
    if (typeof name !== "string") return "a secret was issued that is none";
    const [known, called] = [this.#credentials.get(name), this.#names.get(credential!)];
    if ((known ?? credential) !== credential || (called ?? name) !== name) return `${name} is two credentials`;
    this.#credentials.set(name, credential!);
    this.#names.set(credential!, name);
    return null;
  }

  /** Clients present what they were told, and revisions are the key's own affair. */
  #presentable(call: Call): Call {
    const known = [...this.#credentials.keys()];
    const heard = "secret" in call && !this.#credentials.has(call.secret) ? (known.at(-1) ?? "nobody's") : null;
    const held = call.do === "settle" && !this.#reservations.has(call.reservation);
    const presented = {
      ...call,
      ...("ifMatch" in call && { ifMatch: null }),
      ...(heard !== null && { secret: heard }),
      ...(held && { reservation: "nobody's" }),
    };
    return presented;
  }

  /** The store's alarm rings in the newest instance, late, and again if it did not come to its end. */
  #expectAlarm(): void {
    const { alarm } = this.#store;
    if (alarm === null) return;
    const late = this.#calm ? 1 : 1 + this.#roll.below(2_000);
    this.#world.in(Math.max(0, alarm - this.#world.time) + late, null, () => this.#ring(alarm));
  }

  #ring(alarm: number): void {
    if (this.#store.alarm !== alarm) return;
    const instance = this.#newest();
    // By the clock of the machine where it rings, and now and then before that.
    const early = alarm - instance.shown;
    if (early > 0 && !this.#roll.onceIn(4)) {
      this.#world.in(early, null, () => this.#ring(alarm));
      return;
    }
    this.#store.alarm = null;
    let isOver = false;
    instance.onEnd = () => {
      if (isOver) return;
      this.#store.alarm ??= alarm;
      this.#expectAlarm();
    };
    this.#world.in(0, instance, () => {
      this.#count("alarms");
      instance.decide({ do: "ring" });
      instance.object
        .alarm()
        .then(() => (isOver = true))
        .catch(() => instance.end());
    });
  }

  /** Everything is well again. What was acknowledged is there, and everybody tells the same story. */
  async #atRest(): Promise<string | null> {
    this.#calm = true;
    this.#ledger.healthy = true;
    for (const instance of this.#instances) instance.end();
    const last = this.#wake();
    this.#call({ do: "read" });
    // Whoever is refused is counted, and what was counted is told with everything else.
    this.#call({ do: "use", secret: "nobody's", cost: 1, mints: "never" });
    if (!(await this.#world.settle())) return "the last instance does not come to rest";
    const forgotten = this.#promises.forgotten(this.#durable);
    return this.#violation ?? forgotten ?? faultIn(last, this.#ledger);
  }

  #isLost = (): boolean => !this.#calm && this.#roll.onceIn(8);

  #blame(what: string | null): void {
    this.#violation ??= what;
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }
}

/** Revisions count what the model does not count; a stranger learns no version, and the model need not know that. */
const withoutAside = (answer: Answer): Answer => {
  const { revision: _counted, ...facts } = answer;
  return Object.fromEntries(
    Object.entries(facts).filter(([fact, value]) => fact !== "version" || value !== null),
  ) as Answer;
};

/** Many clients, one small balance, and rotations between: nothing else than what must never be too much. */
class Crowd {
  readonly #roll: Dice;
  #issued = 0;
  readonly limit: number;

  constructor(roll: Dice) {
    this.#roll = roll;
    this.limit = 1 + roll.below(8);
  }

  next(state: Moment["state"]): Call {
    const roll = this.#roll;
    const mints = `secret ${(this.#issued += 1)}`;
    if (state.is !== "key") {
      const rules = { ...LENIENT, quota: { limit: this.limit, period: "none" as const } };
      return { do: "create", rules, mints, header: null };
    }
    const newest = [state.secret, ...state.former.map(({ secret }) => secret)];
    if (roll.onceIn(8))
      return { do: "rotate", expected: roll.pick([state.version, null]), graceMs: 0, mints, header: null };
    if (roll.onceIn(60)) return { do: "revoke" };
    return { do: "use", secret: roll.pick([newest[0]!, ...newest.slice(0, 2)]), cost: 1, mints };
  }
}

import { isDeepStrictEqual } from "node:util";
import type { ReservationId } from "../../../src/key/reservation.ts";
import { dice, type Dice } from "../../support/dice.ts";
import { LENIENT, type Call, type PaceRule, type Rules, type Use } from "../model/call.ts";
import { ABSENT, step, type Key, type State } from "../model/key.ts";
import { CoreUnderTest } from "../support/core-under-test.ts";
import { SqliteStorage } from "../support/sqlite-storage.ts";
import type { Campaign } from "./campaign.ts";

const COMMANDS_A_KEY = 100;
const HOUR = 60 * 60_000;
/** New Year's Eve, so that hours, days, weeks, months and a year end under way. */
const START = Date.UTC(2026, 11, 31, 21);

/**
 * The core of a key and its book beside the reference model, command by command: every answer must be the model's.
 * Now and then what was decided is made durable; now and then the process is killed, in the middle of a write too, and
 * everything since the last durable state is gone from both. Clocks jump and step back. Calls and orders of the owner
 * come twice and late.
 */
export const C5: Campaign = {
  name: "C5",
  title: "the pure core and its book against the reference model",
  short: 200_000,
  full: 10_000_000,
  unit: "commands",
  async compute(size, seed, progress) {
    const counts: Counts = {
      commands: 0,
      keys: 0,
      crashes: 0,
      "crashes during a write": 0,
      "successors handed out": 0,
    };
    for (let at = 0; counts["commands"]! < size; at++) {
      const violation = runOne(seed + at, counts);
      counts["keys"]! += 1;
      if (violation !== null) return { counts, violations: [violation], again: { seed: seed + at, size: 1 } };
      if (at % 500 === 0) {
        progress(counts["commands"]!);
        await new Promise(setImmediate);
      }
    }
    return { counts, violations: [] };
  },
};

type Counts = Record<string, number>;

function runOne(seed: number, counts: Counts): string | null {
  const roll = dice(seed);
  const storage = new SqliteStorage(!roll.onceIn(20));
  let machine = START;
  const reservations = new Map<string, ReservationId>();
  const wake = () => new CoreUnderTest(storage, () => machine, reservations);
  let core = wake();
  let model: State = ABSENT;
  let durable: State = ABSENT;
  // The clock of the model: the newest instant it has seen, and after a crash the newest that was written down.
  let now = 0;
  const plan = new Plan(roll);

  const crash = () => {
    counts["crashes"]! += 1;
    storage.failsAfter = Infinity;
    core = wake();
    model = durable;
    now = model.is === "key" ? model.newest : 0;
  };

  for (let turn = 0; turn < COMMANDS_A_KEY; turn++) {
    if (isOver(model) && roll.onceIn(8)) break;
    // Mostly a little, sometimes hours or a day, sometimes back.
    machine += roll.pick([0, 0, 1, roll.below(1000), roll.below(90_000), roll.below(HOUR), -roll.below(HOUR)]);
    if (roll.onceIn(200)) machine += roll.below(40 * 24 * HOUR);
    now = Math.max(now, machine);
    const call = plan.next(model, now);
    if (core.now() !== now) return `command ${turn + 1}: the core's clock says ${core.now()}, the model's ${now}`;
    const told = step(model, call, now);
    const answer = core.decide(call);
    model = told.state;
    counts["commands"]! += 1;
    counts[answer.code] = (counts[answer.code] ?? 0) + 1;
    if (call.do === "use" && told.answer["secret"] !== undefined) counts["successors handed out"]! += 1;
    if (!agrees(answer, told.answer)) {
      return `command ${turn + 1}, ${JSON.stringify(call)}: the core says ${JSON.stringify(answer)}, the model ${JSON.stringify(told.answer)}`;
    }
    if (roll.onceIn(3)) {
      if (roll.onceIn(8)) storage.failsAfter = roll.below(12);
      if (core.commit()) durable = model;
      else {
        counts["crashes during a write"]! += 1;
        crash();
      }
      storage.failsAfter = Infinity;
    } else if (roll.onceIn(20)) crash();
  }
  core.commit();
  const gap = gapIn(wake().history, model);
  storage.close();
  return gap;
}

/** Nothing more can become of it; a few more calls must hear so, and then another key is more interesting. */
const isOver = (model: State): boolean =>
  model.is === "key" ? model.revoked : model.is === "gone" || model.order?.standing === "revoked";

/** Events are numbered 1, 2, 3 … without a gap, and there are as many as the model counts; of a purged key only the last is left. */
function gapIn({ sequences, last }: CoreUnderTest["history"], model: State): string | null {
  if (model.is === "absent") return sequences.length === 0 ? null : "events of a key that does not exist";
  if (model.is === "gone") return sequences.length === 1 ? null : `${sequences.length} events of a purged key`;
  const expected = Array.from({ length: model.events }, (_, at) => at + 1);
  if (last !== model.events) return `the last sequence is ${last}, not ${model.events}`;
  return isDeepStrictEqual(sequences, expected) ? null : `events ${sequences.join(" ")}`;
}

/** Every fact of the core's answer is the model's. A stranger learns no version; the model need not know that. */
const agrees = (answer: object, told: object): boolean =>
  Object.entries(answer).every(([fact, value]) => isDeepStrictEqual(value, (told as Record<string, unknown>)[fact]));

const NAMES = ["burst", "steady", "long"];
/** One that counts from an instant that no calendar knows. */
const EVEN = { everyMs: 5_000_000, anchor: START - 1_234_000 };
/** Whole, half and quarter hours from UTC, on both sides, with and without summer. */
const ZONES = ["UTC", "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Apia"];

/** Chooses what comes next: mostly what makes sense for the key as it stands, and often what does not. */
export class Plan {
  readonly #roll: Dice;
  #issued = 0;
  #headers: { readonly call: Call; readonly at: number }[] = [];
  #orders: Extract<Call, { do: "obey" }>[] = [];
  #secrets: readonly string[] = [];
  #reservations = 0;

  constructor(roll: Dice) {
    this.#roll = roll;
  }

  next(state: State, now: number): Call {
    const roll = this.#roll;
    if (state.is === "key") this.#secrets = [state.secret, ...state.former.map(({ secret }) => secret)];
    if (state.is === "absent") return roll.onceIn(6) ? this.#obey() : this.#create(now);
    if (state.is === "gone") return roll.pick([this.#use(), { do: "purge" }, { do: "read" }, this.#again(now)]);
    if (roll.onceIn(20)) return { do: "ring" };
    // What stands in the way of everything else is mostly put right, so that the rest is worth something.
    if (roll.onceIn(3)) return this.#remedy(state, now) ?? this.#use();
    if (state.held.length > 0 && roll.onceIn(8)) return this.#settle(state.held);
    switch (roll.below(30)) {
      case 0:
      case 1:
      case 2:
        return this.#keep(
          {
            do: "rotate",
            expected: roll.pick([state.version, state.version, state.version - 1, null]),
            graceMs: roll.pick([0, 0, 0, 60_000, HOUR, 24 * HOUR]),
            ...this.#minting(),
          },
          now,
        );
      case 3:
        return this.#keep({ do: "rotate-self", secret: this.#secret(), ...this.#ip(), ...this.#minting() }, now);
      case 4:
      case 5:
        return this.#again(now);
      case 6:
        return roll.onceIn(3) ? { do: "suspend" } : { do: "resume" };
      case 7:
        return { do: "resume" };
      case 8:
        return this.#amend(state.rules, state.revision, now);
      case 9:
        return {
          do: "credit",
          ...(roll.onceIn(2) ? { add: 1 + roll.below(5) } : { set: roll.below(5) }),
          ifMatch: roll.pick([null, state.revision, state.revision - 1]),
        };
      case 10:
        return roll.onceIn(4) ? this.#obey() : { do: "read" };
      case 11:
        return { do: "read-self", secret: this.#secret(), ...this.#ip() };
      case 12:
        return roll.onceIn(6)
          ? roll.pick<Call>([{ do: "revoke" }, { do: "purge" }, this.#revokeSelf()])
          : { do: "read" };
      default:
        return this.#use();
    }
  }

  #remedy({ suspended, revoked, order, rules }: Key, now: number): Call | null {
    // Again, which changes nothing; or the end of it.
    if (revoked)
      return this.#roll.pick<Call | null>([null, null, { do: "revoke" }, this.#revokeSelf(), { do: "purge" }]);
    if (suspended) return { do: "resume" };
    if (order?.standing === "suspended" && this.#orders.at(-1)?.standing !== "revoked") {
      this.#orders.push({ do: "obey", order: this.#orders.length + 1, standing: "active" });
      return this.#orders.at(-1)!;
    }
    if (rules.expiresAt === null || now < rules.expiresAt) return null;
    return { do: "amend", change: { expiresAt: now + HOUR + this.#roll.below(48 * HOUR) }, ifMatch: null };
  }

  #use(): Use {
    const roll = this.#roll;
    const dry = roll.onceIn(10);
    const reserve = !dry && roll.onceIn(6);
    return {
      do: "use",
      secret: this.#secret(),
      cost: roll.pick(reserve ? [1, 3, 5] : [1, 1, 1, 1, 0, 0, 2, 2, 25]),
      mints: this.#mint(),
      ...(dry && { dry }),
      ...(reserve && { reserve, opens: `reservation ${(this.#reservations += 1)}` }),
      ...(roll.onceIn(6) && { scope: roll.pick(["orders:read", "orders:write"]) }),
      ...this.#ip(),
    };
  }

  /** Mostly one of the last few, and often one that was settled before. */
  #settle(held: Key["held"]): Call {
    const roll = this.#roll;
    const { name } = held[Math.max(0, held.length - 1 - roll.below(roll.pick([1, 3, 10])))]!;
    const reservation = roll.onceIn(50) ? "nobody's" : name;
    return { do: "settle", reservation, used: roll.pick([0, 1, 1, 3, 7]) };
  }

  #revokeSelf = (): Call => ({ do: "revoke-self", secret: this.#secret() });

  #create(now: number): Call {
    return this.#keep({ do: "create", rules: this.#rules(now), ...this.#minting() }, now);
  }

  #rules(now: number): Rules {
    const roll = this.#roll;
    const hours = 2 + roll.below(40);
    const isSession = roll.onceIn(5);
    return {
      ...LENIENT,
      session: isSession
        ? { lifetimeMs: hours * HOUR, capMs: roll.pick([null, (hours + roll.below(30)) * HOUR]) }
        : null,
      expiresAt: !isSession && roll.onceIn(3) ? now + 1 + roll.below(48 * HOUR) : null,
      idleMs: roll.onceIn(6) ? roll.pick([HOUR, 24 * HOUR]) : null,
      scopes: roll.pick([[], ["orders:read"], ["orders:read", "orders:write"]]),
      ips: roll.pick([null, null, null, ["192.0.2.1"]]),
      quota: roll.onceIn(4) ? null : this.#quota(),
      pace: Array.from({ length: roll.pick([0, 1, 1, 2, 3]) }, (_, at) => this.#limit(NAMES[at]!)),
      rotation: roll.onceIn(2) ? this.#rotation() : null,
      reserveMs: 1000 * roll.pick([1, 60, 3600, 24 * 3600]),
      onTimeout: roll.pick(["charge", "release"]),
      selfRotate: !roll.onceIn(4),
    };
  }

  #quota(): Rules["quota"] {
    const roll = this.#roll;
    const limit = 1 + roll.below(20);
    const period = roll.pick(["none", "none", "hour", "day", "week", "month", EVEN] as const);
    if (period === "none") return { limit, period };
    const zone = roll.pick(ZONES);
    return { limit, period, ...(zone !== "UTC" && { zone }), ...(roll.onceIn(2) && { cap: limit + roll.below(40) }) };
  }

  #limit(name: string): PaceRule {
    const roll = this.#roll;
    const limit = 1 + roll.below(10);
    const algorithm = roll.pick(["window", "sliding", "bucket"]);
    return {
      name,
      limit,
      windowMs: 1000 * roll.pick([1, 7, 60, 600]),
      algorithm,
      ...(roll.onceIn(3) && { unit: "cost" }),
      ...(algorithm === "bucket" && roll.onceIn(2) && { burst: 1 + roll.below(15) }),
    };
  }

  #rotation(): Rules["rotation"] {
    const roll = this.#roll;
    const mode = roll.pick(["require", "issue"]);
    const [afterUses, afterMs] = roll.pick([
      [1 + roll.below(6), null],
      [null, 1000 * (1 + roll.below(20_000))],
      [1 + roll.below(30), 24 * HOUR],
    ]);
    const graces = [60_000, HOUR, 24 * HOUR];
    return { afterUses, afterMs, mode, graceMs: roll.pick(mode === "issue" ? graces : [0, ...graces]) };
  }

  #amend(rules: Rules, revision: number, now: number): Call {
    const roll = this.#roll;
    const { expiresAt, scopes, ips, quota, pace, rotation, selfRotate } = this.#rules(now);
    const change = roll.pick<Partial<Rules>>([
      { expiresAt },
      { expiresAt: now - roll.below(HOUR) },
      { quota },
      { quota: rules.quota && { ...rules.quota, limit: Math.min(1 + roll.below(20), rules.quota.cap ?? 20) } },
      { pace },
      { pace: rules.pace.map((rule) => ({ ...rule, limit: 1 + roll.below(10) })) },
      { scopes, ips },
      { rotation },
      { selfRotate, quota },
      {},
    ]);
    return { do: "amend", change, ifMatch: roll.pick([null, null, revision, revision - 1]) };
  }

  #obey(): Call {
    const roll = this.#roll;
    const newest = this.#orders.length + 1;
    // "revoked" is final for an owner: nothing newer follows it.
    const isFinal = this.#orders.at(-1)?.standing === "revoked";
    if (!isFinal && (newest === 1 || roll.onceIn(2))) {
      const standing = roll.pick(["suspended", "active", "active", "suspended", "active", "revoked"]);
      this.#orders.push({ do: "obey", order: newest, standing });
    }
    return roll.pick(this.#orders);
  }

  /** The same call once more, as it was or, by mistake, with the same header and another body. */
  #again(now: number): Call {
    const roll = this.#roll;
    // What is older than a week may have been forgotten or not.
    const kept = this.#headers.filter(({ at }) => now - at < 6 * 24 * HOUR);
    if (kept.length === 0) return { do: "read" };
    const { call } = roll.onceIn(3) ? roll.pick(kept) : kept.at(-1)!;
    const mints = this.#mint();
    if (call.do === "rotate") return { ...call, mints, ...(roll.onceIn(5) && { graceMs: call.graceMs + 1000 }) };
    if (call.do === "rotate-self") return { ...call, mints, ...(roll.onceIn(5) && { secret: this.#secret() }) };
    return call.do === "create" ? { ...call, mints } : call;
  }

  #keep<const C extends Call & { readonly header: string | null }>(call: C, now: number): C {
    if (call.header !== null) this.#headers.push({ call, at: now });
    return call;
  }

  #minting = () => ({
    mints: this.#mint(),
    header: this.#roll.onceIn(2) ? `header ${this.#headers.length + 1}` : null,
  });

  #mint = (): string => `secret ${(this.#issued += 1)}`;

  /** Mostly the newest secret, often an earlier one, sometimes one that was minted and never installed. */
  #secret(): string {
    const roll = this.#roll;
    const [newest, ...former] = this.#secrets;
    if (newest === undefined || roll.onceIn(20)) return `secret ${1 + roll.below(this.#issued)}`;
    return former.length > 0 && roll.onceIn(4) ? roll.pick(roll.onceIn(2) ? former.slice(0, 1) : former) : newest;
  }

  #ip(): { readonly ip?: string } {
    if (this.#roll.onceIn(8)) return {};
    return { ip: this.#roll.onceIn(8) ? "192.0.2.9" : "192.0.2.1" };
  }
}

import type { ReservationId } from "../../../src/key/reservation.ts";
import { dice, type Dice } from "../../support/dice.ts";
import { nameOf } from "../model/calendar.ts";
import { LENIENT, type Call, type PaceRule, type QuotaRule, type Rules } from "../model/call.ts";
import { explains } from "../model/explains.ts";
import { ABSENT, step, type Key, type State } from "../model/key.ts";
import { restEnd } from "../model/lifetime.ts";
import * as pace from "../model/pace.ts";
import { resetOf } from "../model/quota.ts";
import { dueByAge } from "../model/succession.ts";
import { CoreUnderTest } from "../support/core-under-test.ts";
import { SqliteStorage } from "../support/sqlite-storage.ts";
import type { Campaign } from "./campaign.ts";

const CROSSINGS_A_KEY = 60;
const HOUR = 60 * 60_000;
const DAY = 24 * HOUR;

/** Shortly before these it begins: zones and the instants at which their clocks or their calendars do something rare. */
const TIMES: readonly (readonly [zone: string, instants: readonly string[]])[] = [
  ["UTC", ["2026-12-31T23:00Z", "2028-02-28T23:00Z", "2027-02-28T23:00Z", "2026-04-30T23:00Z"]],
  ["Europe/Berlin", ["2026-03-29T01:00Z", "2026-10-25T01:00Z", "2026-12-31T23:00Z", "2028-02-29T23:00Z"]],
  ["America/New_York", ["2026-03-08T07:00Z", "2026-11-01T06:00Z", "2027-01-01T05:00Z"]],
  // Forward at midnight, so that a day begins at one o'clock; and back at midnight, so that an hour of yesterday comes twice.
  ["America/Santiago", ["2026-09-06T04:00Z", "2026-04-05T03:00Z"]],
  // By half an hour.
  ["Australia/Lord_Howe", ["2026-10-03T15:30Z", "2026-04-04T15:00Z"]],
  ["Asia/Kathmandu", ["2026-12-31T18:15Z"]],
  ["Pacific/Kiritimati", ["2026-12-31T10:00Z"]],
];

/**
 * Time as it really behaves: the clock is put a millisecond before, at and after every instant at which something ends or
 * begins (a window, a period in some zone, a life, a rest, a grace, a reservation), jumps by hours and steps back, and the
 * object sleeps and wakes meanwhile. Every answer must be the model's; and from the admissions alone, without any model,
 * it is counted again that no limit let in one more and no key outlived its end.
 */
export const C12: Campaign = {
  name: "C12",
  title: "time: boundaries to the millisecond, clocks that step back, daylight saving, year ends",
  short: 50_000,
  full: 1_000_000,
  unit: "crossings",
  async compute(size, seed, progress) {
    const counts = { crossings: 0, keys: 0, commands: 0, admissions: 0, "steps back": 0, "times woken": 0 };
    for (let at = 0; counts.crossings < size; at++) {
      const violation = runOne(seed + at, counts);
      counts.keys += 1;
      if (violation !== null) return { counts, violations: [violation], again: { seed: seed + at, size: 1 } };
      if (at % 100 === 0) {
        progress(counts.crossings);
        await new Promise(setImmediate);
      }
    }
    return { counts, violations: [] };
  },
};

type Counts = { crossings: number; commands: number; admissions: number; "steps back": number; "times woken": number };

/** What was let in, by the key's own clock; what a settlement gave back is less than nothing, taken when it was held. */
type Admission = { readonly at: number; readonly cost: number };

function runOne(seed: number, counts: Counts): string | null {
  const roll = dice(seed);
  const trial = new Trial(roll, counts);
  let fault = trial.begin();
  for (let crossing = 0; crossing < CROSSINGS_A_KEY && fault === null; crossing++) {
    trial.jump();
    for (let times = 1 + roll.below(roll.pick([2, 12])); times > 0 && fault === null; times--) fault = trial.ask();
    if (roll.onceIn(4)) trial.stepBack();
    if (roll.onceIn(10)) trial.sleep();
    // Whatever has ended once is of no interest any more.
    if (trial.isOver && roll.onceIn(6)) break;
  }
  return fault ?? trial.end();
}

/** One key through its time, and the model beside it. Each step says what went wrong; `null`: nothing. */
class Trial {
  readonly #roll: Dice;
  readonly #counts: Counts;
  readonly #storage = new SqliteStorage(true);
  readonly #reservations = new Map<string, ReservationId>();
  readonly #created: number;
  readonly #rules: Rules;
  /** What the clock of the machine says, and the newest instant that the key remembers. */
  #machine: number;
  #now: number;
  #core: CoreUnderTest;
  #model: State = ABSENT;
  #names = 0;
  readonly #admissions: Admission[] = [];
  readonly #settlements = new Map<string, Admission>();

  constructor(roll: Dice, counts: Counts) {
    this.#roll = roll;
    this.#counts = counts;
    const [zone, instants] = roll.pick(TIMES);
    this.#machine = Date.parse(roll.pick(instants)) - roll.below(roll.pick([HOUR, 30 * HOUR]));
    this.#now = this.#machine;
    this.#created = this.#machine;
    this.#rules = someRules(roll, zone, this.#now);
    this.#core = this.#wake();
  }

  begin = (): string | null => this.#make({ do: "create", rules: this.#rules, mints: "secret 0", header: null });

  /** To a millisecond before, to, or a millisecond after an instant that matters. */
  jump(): void {
    const roll = this.#roll;
    const boundaries = boundariesOf(this.#key, this.#now);
    if (boundaries.length > 0) this.#machine = roll.pick(boundaries) + roll.pick([-1, 0, 1]);
    else this.#machine += roll.below(DAY);
    this.#counts.crossings += 1;
  }

  stepBack(): void {
    this.#machine -= this.#roll.below(2 * HOUR);
    this.#counts["steps back"] += 1;
  }

  /** The object is evicted and wakes again, with nothing but what it has written down. */
  sleep(): void {
    this.#core.commit();
    this.#core = this.#wake();
    this.#now = this.#key.newest;
    this.#counts["times woken"] += 1;
  }

  ask(): string | null {
    const fault = this.#make(this.#next());
    if (this.#roll.onceIn(30)) this.#machine += 1;
    return fault;
  }

  get isOver(): boolean {
    return this.#now >= (this.#key.rules.expiresAt ?? Infinity);
  }

  end(): string | null {
    this.#storage.close();
    return excess(this.#rules, this.#admissions, [...this.#settlements.values()], this.#created);
  }

  #wake = (): CoreUnderTest => new CoreUnderTest(this.#storage, () => this.#machine, this.#reservations);

  get #key(): Key {
    return this.#model as Key;
  }

  #make(call: Call): string | null {
    this.#now = Math.max(this.#now, this.#machine);
    const told = step(this.#model, call, this.#now);
    const answer = this.#core.decide(call);
    this.#model = told.state;
    this.#counts.commands += 1;
    if (!explains(told.answer, answer)) {
      const when = new Date(this.#now).toISOString();
      const [heard, expected, rules] = [answer, told.answer, this.#rules].map((each) => JSON.stringify(each));
      return `at ${when} ${JSON.stringify(call)}: the core says ${heard}, the model ${expected} under ${rules}`;
    }
    if (call.do === "use" && answer.code === "valid") {
      this.#counts.admissions += 1;
      this.#admissions.push({ at: this.#now, cost: call.cost });
    }
    if (call.do === "settle" && answer.code === "settled") {
      this.#settlements.set(call.reservation, settlementOf(this.#key, call));
    }
    return null;
  }

  #next(): Call {
    const roll = this.#roll;
    const open = this.#key.held.find(({ closed }) => closed === null);
    if (open !== undefined && roll.onceIn(6)) return { do: "settle", reservation: open.name, used: roll.below(3) };
    if (roll.onceIn(12)) return roll.pick<Call>([{ do: "read" }, { do: "ring" }]);
    const { former, secret } = this.#key;
    return {
      do: "use",
      secret: former.length > 0 && roll.onceIn(4) ? former[0]!.secret : secret,
      cost: roll.pick([1, 1, 1, 2, 0]),
      mints: `secret ${(this.#names += 1)}`,
      ...(roll.onceIn(8) && { reserve: true, opens: `reservation ${(this.#names += 1)}` }),
    };
  }
}

function settlementOf(
  { held, rules: { reserveMs } }: Key,
  { reservation }: { readonly reservation: string },
): Admission {
  const { units, until, closed } = held.find(({ name }) => name === reservation)!;
  return { at: until - reserveMs, cost: closed!.charged - units };
}

/** The next instants from which on something about the key is not as it was. */
function boundariesOf(key: Key, now: number): readonly number[] {
  const { rules, traces } = key;
  const limits = rules.pace.flatMap((rule, at) => [
    pace.comesBackAt(rule, traces[at]!, now),
    // A bucket gives one unit back after the other.
    pace.fits(rule, traces[at]!, 1, now) ? null : pace.fitsAt(rule, traces[at]!, 1, now),
  ]);
  const slides = rules.session && rules.expiresAt && rules.expiresAt - rules.session.lifetimeMs + HOUR;
  return [
    rules.quota && resetOf(rules.quota, now),
    ...limits,
    rules.expiresAt,
    slides,
    restEnd(key),
    dueByAge(key),
    ...key.held.map(({ until }) => until),
    ...key.former.map(({ deadAt }) => deadAt),
  ].filter((at): at is number => at !== null && at > now);
}

function someRules(roll: Dice, zone: string, now: number): Rules {
  const hours = 2 + roll.below(30);
  const life = roll.pick(["none", "none", "none", "token", "session"]);
  return {
    ...LENIENT,
    session:
      life === "session"
        ? { lifetimeMs: hours * HOUR, capMs: roll.pick([null, (hours + roll.below(60)) * HOUR]) }
        : null,
    expiresAt: life === "token" ? now + 1 + roll.below(60 * HOUR) : null,
    idleMs: roll.onceIn(8) ? roll.pick([HOUR, 20 * HOUR]) : null,
    quota: roll.onceIn(4) ? null : someQuota(roll, zone, now),
    pace: Array.from({ length: roll.pick([0, 1, 1, 2]) }, (_, at) => someLimit(roll, `limit ${at + 1}`)),
    rotation: roll.onceIn(5)
      ? {
          afterUses: null,
          afterMs: 1000 * (60 + roll.below(90_000)),
          mode: roll.pick(["issue", "require"]),
          graceMs: HOUR,
        }
      : null,
    reserveMs: 1000 * roll.pick([1, 3600, 20 * 3600]),
    onTimeout: roll.pick(["charge", "release"]),
  };
}

function someQuota(roll: Dice, zone: string, now: number): QuotaRule {
  const limit = 1 + roll.below(12);
  const even = { everyMs: 1000 * (1 + roll.below(200_000)), anchor: now - roll.below(400 * DAY) };
  const period = roll.pick(["hour", "hour", "day", "day", "week", "month", even]);
  // How many of the hours refill while nobody asks is left open where one of them is short.
  const isOdd = period === "hour" && zone === "Australia/Lord_Howe";
  return { limit, period, zone, ...(!isOdd && roll.onceIn(2) && { cap: limit + roll.below(30) }) };
}

function someLimit(roll: Dice, name: string): PaceRule {
  const algorithm = roll.pick(["window", "sliding", "bucket"]);
  const unit = roll.pick(["request", "cost"]);
  const windowMs = 1000 * roll.pick([1, 13, 60, 3600, 86_400]);
  const rule = { name, limit: 1 + roll.below(12), windowMs, algorithm, unit };
  return algorithm === "bucket" && roll.onceIn(2) ? { ...rule, burst: 1 + roll.below(20) } : rule;
}

/** Counts once more, from the rules and the admissions alone. `null`: no more than there may be. */
function excess(
  rules: Rules,
  admissions: readonly Admission[],
  settlements: readonly Admission[],
  created: number,
): string | null {
  const { quota, session, expiresAt } = rules;
  const last = admissions.at(-1)?.at ?? 0;
  if (expiresAt !== null && last >= expiresAt) return "a token was admitted after its end";
  if (session?.capMs && last >= created + session.capMs) return "a session was admitted after its cap";
  for (const rule of rules.pace) if (isExceeded(rule, admissions)) return `more than ${JSON.stringify(rule)} allows`;
  return quota !== null && isOverspent(quota, rules, [...admissions, ...settlements])
    ? `more than ${JSON.stringify(quota)} allows`
    : null;
}

function isOverspent(quota: QuotaRule, { onTimeout }: Rules, admissions: readonly Admission[]): boolean {
  const { period, zone = "UTC", limit, cap = limit } = quota;
  // What times out may be given back as well, and taken again by others.
  if (period === "none" || onTimeout === "release") return false;
  const sums = new Map<string, number>();
  for (const { at, cost } of admissions) {
    const name = nameOf(period, zone, at);
    sums.set(name, (sums.get(name) ?? 0) + cost);
  }
  return sums.values().some((sum) => sum > cap);
}

function isExceeded(rule: PaceRule, admissions: readonly Admission[]): boolean {
  const { algorithm, limit, windowMs, unit, burst = limit } = rule;
  let openedAt = -Infinity;
  let taken = 0;
  return admissions.some(({ at }, first) => {
    const amount = (from: Admission) => (unit === "cost" ? from.cost : 1);
    if (algorithm === "window") {
      if (at - openedAt > windowMs) [openedAt, taken] = [at, 0];
      taken += amount(admissions[first]!);
      return taken > limit;
    }
    // From each admission on: what came with it and after it.
    let sum = 0;
    return admissions.slice(first).some((each) => {
      if (algorithm === "sliding" && each.at >= at + windowMs) return false;
      sum += amount(each);
      const most = algorithm === "sliding" ? limit * windowMs : burst * windowMs + limit * (each.at - at);
      return sum * windowMs > most;
    });
  });
}

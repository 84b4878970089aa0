import type { Dice } from "../../support/dice.ts";
import { LENIENT, type Answer, type Call, type Rules } from "../model/call.ts";

/** What those who share a key know of it. Only what they heard: it may be behind. */
export class Knowledge {
  /** Names of the secrets by version, as heard. */
  readonly #secrets = new Map<number, string>();
  newest = 0;
  lastHeard = "";
  /** Reservations that may still be open, newest last. */
  readonly held: string[] = [];

  hear(answer: Answer): void {
    this.lastHeard = answer.code;
    const { reservation } = answer;
    if (typeof reservation === "string") this.held.push(reservation);
    const issued = issuedBy(answer);
    if (issued === null) return;
    this.#secrets.set(issued.version, issued.secret);
    this.newest = Math.max(this.newest, issued.version);
  }

  get secret(): string {
    return this.#secrets.get(this.newest)!;
  }

  /** One of the earlier secrets, mostly the last one; the newest if there is no other. */
  old(roll: Dice): string {
    const versions = [...this.#secrets.keys()].filter((version) => version < this.newest);
    if (versions.length === 0) return this.secret;
    return this.#secrets.get(roll.onceIn(3) ? roll.pick(versions) : Math.max(...versions))!;
  }
}

/** The secret that came with an answer, and its version; an admission names the version that was admitted. */
export function issuedBy({
  code,
  secret,
  version,
}: Answer): { readonly secret: string; readonly version: number } | null {
  if (typeof secret !== "string" || typeof version !== "number") return null;
  return { secret, version: code === "valid" ? version + 1 : version };
}

const DAY = 24 * 60 * 60_000;

/**
 * Rules whose periods and windows do not end while a campaign runs: what is refused is refused for the count alone.
 * There is always a quota: what is left of it tells the checkers in which order units were spent.
 */
export const someRules = (roll: Dice): Rules => ({
  ...LENIENT,
  quota: { limit: 1 + roll.below(roll.onceIn(3) ? 200 : 2_000), period: "none" },
  pace: roll.onceIn(2) ? [] : LIMITS.slice(roll.below(3)).map((rule) => ({ ...rule, limit: 150 + roll.below(400) })),
  rotation: roll.onceIn(2) ? { afterUses: 2 + roll.below(15), afterMs: null, mode: "issue", graceMs: DAY } : null,
});

/** Of a bucket so little drains in the time of a campaign that it is nothing. */
const LIMITS: Rules["pace"] = [
  { name: "burst", limit: 1, windowMs: 300 * DAY },
  { name: "log", limit: 1, windowMs: 300 * DAY, algorithm: "sliding", unit: "cost" },
  { name: "drip", limit: 1, windowMs: 300 * DAY, algorithm: "bucket" },
];

/**
 * What a client of a busy key does next: of 100 calls 90 use it, a fifth of them with an old secret, some by holding
 * units and settling them, now and then once more; 5 rotate it, 3 read
 * it, 2 change it otherwise. A key that is found suspended is mostly resumed, so that the rest of its history is worth something.
 */
export function nextCall(roll: Dice, known: Knowledge, mints: string): Call {
  if (known.lastHeard === "key-suspended" && roll.onceIn(4)) return { do: "resume" };
  const chance = roll.below(100);
  if (chance < 90) {
    const use = { do: "use", secret: roll.onceIn(5) ? known.old(roll) : known.secret, cost: 1 } as const;
    if (!roll.onceIn(8)) return use;
    if (known.held.length === 0 || roll.onceIn(3)) return { ...use, cost: 3, reserve: true };
    const reservation = roll.pick(known.held.slice(-5));
    return { do: "settle", reservation, used: roll.below(5) };
  }
  if (chance < 93) return { do: "read" };
  if (chance < 98) {
    const expected = roll.pick([known.newest, null, null, null]);
    return { do: "rotate", expected, graceMs: roll.pick([0, 0, 0, DAY]), mints, header: null };
  }
  if (roll.onceIn(40)) return { do: "revoke" };
  if (roll.onceIn(4)) return { do: "suspend" };
  if (roll.onceIn(4)) return { do: "credit", add: 1 + roll.below(50), ifMatch: null };
  const { quota, pace, rotation } = someRules(roll);
  return { do: "amend", change: roll.pick<Partial<Rules>>([{ quota }, { pace }, { rotation }]), ifMatch: null };
}

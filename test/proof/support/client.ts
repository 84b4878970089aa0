import type { Dice } from "../../support/dice.ts";
import type { Answer, Call, Rules } from "../model/call.ts";

/** What those who share a key know of it. Only what they heard: it may be behind. */
export class Knowledge {
  /** Names of the secrets by version, as heard. */
  readonly #secrets = new Map<number, string>();
  newest = 0;
  lastHeard = "";
  revision = 1;

  hear(answer: Answer): void {
    this.lastHeard = answer.code;
    const { secret, version, revision } = answer;
    if (typeof revision === "number") this.revision = Math.max(this.revision, revision);
    if (typeof secret !== "string" || typeof version !== "number") return;
    this.#secrets.set(version, secret);
    this.newest = Math.max(this.newest, version);
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

const DAY = 24 * 60 * 60_000;

/**
 * Rules whose periods and windows do not end while a campaign runs: what is refused is refused for the count alone.
 * There is always a quota: what is left of it tells the checkers in which order units were spent.
 */
export const someRules = (roll: Dice): Rules => ({
  expiresAt: null,
  scopes: [],
  ips: null,
  quota: { limit: 1 + roll.below(roll.onceIn(3) ? 200 : 2_000), period: "none" },
  pace: roll.onceIn(2) ? [] : [{ name: "burst", limit: 100 + roll.below(1_000), windowMs: 300 * DAY }],
  selfRotate: true,
});

/**
 * What a client of a busy key does next: of 100 calls 90 use it, a fifth of them with an old secret; 5 rotate it, 3 read
 * it, 2 change it otherwise. A key that is found suspended is mostly resumed, so that the rest of its history is worth something.
 */
export function nextCall(roll: Dice, known: Knowledge, mints: string): Call {
  if (known.lastHeard === "key-suspended" && roll.onceIn(4)) return { do: "resume" };
  const chance = roll.below(100);
  if (chance < 90) return { do: "use", secret: roll.onceIn(5) ? known.old(roll) : known.secret, cost: 1 };
  if (chance < 93) return { do: "read" };
  if (chance < 98) {
    const expected = roll.pick([known.newest, null, null, null]);
    return { do: "rotate", expected, graceMs: roll.pick([0, 0, 0, DAY]), mints, header: null };
  }
  if (roll.onceIn(40)) return { do: "revoke" };
  if (roll.onceIn(4)) return { do: "suspend" };
  if (roll.onceIn(4)) return { do: "credit", add: 1 + roll.below(50), ifMatch: null };
  const { quota, pace } = someRules(roll);
  const ifMatch = roll.pick([null, known.revision]);
  return { do: "amend", change: roll.pick<Partial<Rules>>([{ quota }, { pace }]), ifMatch };
}

import { setTimeout as pause } from "node:timers/promises";
import { dice, type Dice } from "../../support/dice.ts";
import type { LedgerFault } from "../../support/faulty-d1.ts";
import type { Rekey } from "../../support/rekey.ts";
import { atATime } from "../support/at-a-time.ts";
import { deploy } from "../support/deployment.ts";
import { Contradiction, Subject, type Draft } from "../support/subject.ts";
import type { Campaign } from "./campaign.ts";

const CALLS_A_KEY = 20;
const KEYS_AT_A_TIME = 8;

/** How long one weather lasts, in milliseconds. */
const SPELL_MS = 150;

/** Mostly down altogether; now and then well, so that deliveries are caught in the middle. */
const WEATHERS: readonly LedgerFault[] = ["fail", "fail", "fail", "lose", "hang", "pass"];

const CHANGES: readonly Draft[] = [
  { do: "rotate", graceMs: 0 },
  { do: "rotate", graceMs: 60 * 60_000 },
  { do: "rotate-self" },
  { do: "amend", change: { selfRotate: true, scopes: ["orders:read"] } },
  { do: "credit", add: 1 },
  { do: "hold", cost: 1 },
];

/**
 * Keys are created, used, rotated and revoked while the ledger fails, keeps silent, or does what it is told and does not
 * say so. Every call is answered, and as the model says; when the ledger is well again it has every event once.
 */
export const C10: Campaign = {
  name: "C10",
  title: "outages of the ledger",
  short: 200,
  full: 4_000,
  unit: "calls",
  async run(size, seed, progress) {
    await using rekey = await deploy({ faultyLedger: true });
    const roll = dice(seed);
    const keys = Array.from({ length: Math.ceil(size / CALLS_A_KEY) }, (_, at) => seed + at);
    const violations: string[] = [];
    const counts = { calls: 0, keys: 0, "changes of the weather": 0 };
    const subjects: Subject[] = [];

    let isOver = false;
    const weather = (async () => {
      for (; !isOver; await pause(SPELL_MS)) {
        await rekey.ledgerFault(roll.pick(WEATHERS));
        counts["changes of the weather"] += 1;
      }
      await rekey.ledgerFault("pass");
    })();
    await atATime(KEYS_AT_A_TIME, keys, async (each) => {
      if (violations.length > 0) return;
      try {
        subjects.push(await live(rekey, dice(each)));
      } catch (cause) {
        if (!(cause instanceof Contradiction)) throw cause;
        violations.push(`key ${each}: ${cause.message}`);
      }
      counts.keys += 1;
      counts.calls += CALLS_A_KEY;
      progress(counts.calls);
    }).finally(() => {
      isOver = true;
    });
    await weather;
    if (violations.length > 0) return { counts, violations };
    const faults = await atATime(KEYS_AT_A_TIME, subjects, (subject) => subject.ledgerFault());
    return { counts, violations: faults.filter((fault) => fault !== null) };
  },
};

/** The life of one key: used mostly, changed now and then, and in the end, every other one, revoked. */
async function live(rekey: Rekey, roll: Dice): Promise<Subject> {
  const subject = new Subject(rekey);
  await subject.create();
  for (let turn = 2; turn < CALLS_A_KEY; turn++) {
    const draft: Draft = roll.onceIn(4) ? roll.pick(CHANGES) : { do: "use", cost: 1 };
    await subject.hear(subject.call(draft));
  }
  await subject.hear(subject.call(roll.onceIn(2) ? { do: "revoke" } : { do: "use", cost: 1 }));
  return subject;
}

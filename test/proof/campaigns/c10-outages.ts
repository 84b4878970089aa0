import { setTimeout as pause } from "node:timers/promises";
import { dice, type Dice } from "../../support/dice.ts";
import type { LedgerFault } from "../../support/faulty-d1.ts";
import type { Rekey } from "../../support/rekey.ts";
import { atATime } from "../support/at-a-time.ts";
import { deploy } from "../support/deployment.ts";
import { CATCH_UP_MS, faultOfPlan } from "../support/ledger.ts";
import { Contradiction, Subject, type Draft } from "../support/subject.ts";
import { startTroubledOrigin } from "../support/troubled-origin.ts";
import { ORIGIN_TIMEOUT_MS, ROUTES, Sufferer } from "./c10-origin.ts";
import { addUp, type Campaign, type Findings } from "./campaign.ts";

const CALLS_A_KEY = 20;
const KEYS_AT_A_TIME = 16;

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
 * say so; and every other key is used, in the same weather, for an API that is down, hangs, hangs up, fails, is slow, is
 * huge or breaks off. Every call is answered, and as the model says: an outage admits nobody whom it should not, charges
 * what the route says and nothing else, and `verify` knows nothing of it. When the ledger is well again it has every event
 * once, within a minute: no key plans to tell it later, and how long the last one took is counted.
 */
export const C10: Campaign = {
  name: "C10",
  title: "outages of the ledger and of the origin",
  short: 200,
  full: 10_000,
  unit: "calls",
  async run(size, seed, progress) {
    await using origin = await startTroubledOrigin();
    const vars = { ROUTES: JSON.stringify(ROUTES), ORIGIN_TIMEOUT_MS: String(ORIGIN_TIMEOUT_MS) };
    await using rekey = await deploy({ faultyLedger: true, origin: origin.url, vars });
    // On its port nobody listens.
    const originless = await rekey.addProcess({ ORIGIN_URL: "http://127.0.0.1:1" });
    const doors = { troubled: rekey.url, originless };
    const roll = dice(seed);
    const keys = Array.from({ length: Math.ceil(size / CALLS_A_KEY) }, (_, at) => seed + at);
    const violations: string[] = [];
    let counts: Findings["counts"] = { calls: 0, keys: 0 };
    let changes = 0;
    const subjects: Subject[] = [];
    const sufferers: Sufferer[] = [];

    let isOver = false;
    const weather = (async () => {
      for (; !isOver; await pause(SPELL_MS)) {
        await rekey.ledgerFault(roll.pick(WEATHERS));
        changes += 1;
      }
      await rekey.ledgerFault("pass");
    })();
    await atATime(KEYS_AT_A_TIME, keys, async (each) => {
      if (violations.length > 0) return;
      try {
        if (each % 2 === 0) subjects.push(await live(rekey, dice(each)));
        else sufferers.push(await suffer(new Sufferer(rekey, doors, origin, dice(each))));
      } catch (cause) {
        if (!(cause instanceof Contradiction)) throw cause;
        violations.push(`key ${each}: ${cause.message}`);
      }
      counts = addUp([counts, { calls: CALLS_A_KEY, keys: 1 }]);
      progress(counts["calls"]!);
    }).finally(() => {
      isOver = true;
    });
    await weather;
    const wellAt = Date.now();
    counts = addUp([counts, { "changes of the weather": changes }, ...sufferers.map((each) => each.counts)]);
    if (violations.length > 0) return { counts, violations };
    const ids = [...subjects, ...sufferers].map(({ id }) => id);
    const plans = await atATime(KEYS_AT_A_TIME, ids, (id) => faultOfPlan(rekey, id, wellAt));
    const ends = [
      ...subjects.map((subject) => () => subject.ledgerFault(CATCH_UP_MS)),
      ...sufferers.map((sufferer) => () => sufferer.fault()),
    ];
    const faults = await atATime(KEYS_AT_A_TIME, ends, (end) => end());
    counts = { ...counts, "ms until the ledger had it all": Date.now() - wellAt };
    return { counts, violations: [...plans, ...faults].filter((fault) => fault !== null) };
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

async function suffer(sufferer: Sufferer): Promise<Sufferer> {
  await sufferer.live(CALLS_A_KEY);
  return sufferer;
}

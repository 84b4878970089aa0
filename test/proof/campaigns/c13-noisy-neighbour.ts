import { setTimeout as pause } from "node:timers/promises";
import { dice } from "../../support/dice.ts";
import type { Rekey } from "../../support/rekey.ts";
import { issue, type Issued } from "../support/admin.ts";
import { deploy } from "../support/deployment.ts";
import { forged } from "../support/forgery.ts";
import { ask } from "../support/http.ts";
import { startOrigin } from "../support/origin.ts";
import type { Campaign } from "./campaign.ts";

const QUIET_KEYS = 50;

/** Of all quiet keys together, in requests per second. The loud one alone makes ten times as many; so does junk. */
const QUIET_RATE = 40;
const NOISE = 10;

/** Failures that the shield lets pass for an address in ten seconds: here the junk has the same as everybody. */
const SHIELD = { FAILURES: 100 };

/** Where everybody comes from. */
const ADDRESS = "198.51.100.1";

/** What each may hear. The loud one may be too much for its own object, and for nothing else. */
const RIGHT = { quiet: [200], loud: [200, 503], junk: [401, 429] };

/**
 * Fifty keys are used quietly, first alone, then beside one that is used ten times as much as all of them and beside as
 * much junk, all from one address. Everybody quiet is served every time and is charged one unit for it, junk is never let
 * in and never breaks anything. How much longer it takes is told and not judged: here all objects share one thread and
 * one disk, which they do not where this is deployed.
 */
export const C13: Campaign = {
  name: "C13",
  title: "one loud key and a flood of junk beside quiet keys",
  short: 0,
  full: 1_600,
  unit: "quiet requests",
  isTimed: true,
  async run(size, seed, progress) {
    await using origin = await startOrigin();
    await using rekey = await deploy({ origin: origin.url, shields: SHIELD });
    const quota = { limit: size, period: "none" };
    const quiet = await Promise.all(Array.from({ length: QUIET_KEYS }, () => issue(rekey, { quota })));
    const loud = await issue(rekey);
    const roll = dice(seed);
    const errors = new Set<string>();
    const used = Array.from({ length: QUIET_KEYS }, () => 0);
    let done = 0;
    const hear = (who: keyof typeof RIGHT, status: number | null): number | null => {
      if (!RIGHT[who].includes(status!)) errors.add(`${who}: answered ${status ?? "nothing"}`);
      return status;
    };
    const useQuietly = async (at: number): Promise<number> => {
      const began = performance.now();
      const key = at % QUIET_KEYS;
      used[key]! += 1;
      hear("quiet", await use(rekey, quiet[key]!));
      progress((done += 1));
      return performance.now() - began;
    };

    // Everything is loaded and compiled before anything is measured.
    await atRate(QUIET_RATE, QUIET_KEYS, useQuietly);
    done = 0;
    const idle = await atRate(QUIET_RATE, size / 2, useQuietly);
    const noise = (NOISE * size) / 2;
    const [beside, loudly, junk] = await Promise.all([
      atRate(QUIET_RATE, size / 2, useQuietly),
      atRate(NOISE * QUIET_RATE, noise, async () => hear("loud", await use(rekey, loud))),
      atRate(NOISE * QUIET_RATE, noise, async () => hear("junk", await use(rekey, { key: forged(roll) }))),
    ]);
    for (const [at, { id }] of quiet.entries()) {
      const charged = await unitsOf(rekey, id);
      if (charged !== used[at]) errors.add(`${id} was used ${used[at]} times and charged ${charged} units`);
    }
    return {
      counts: {
        "quiet keys": QUIET_KEYS,
        "loud requests": loudly.length,
        "junk requests": junk.length,
        "refused by the shield": junk.filter((status) => status === 429).length,
        "p99 alone in ms": p99(idle),
        "p99 beside noise in ms": p99(beside),
        "ratio of the two": Number((p99(beside) / p99(idle)).toFixed(1)),
      },
      violations: [...errors],
    };
  },
};

const use = async ({ url }: Rekey, { key }: Pick<Issued, "key">): Promise<number | null> =>
  (
    await ask(`${url}/orders`, {
      method: "GET",
      headers: { authorization: `Bearer ${key}`, "cf-connecting-ip": ADDRESS },
    })
  )?.status ?? null;

async function unitsOf({ url, adminToken }: Rekey, id: string): Promise<number> {
  const headers = { authorization: `Bearer ${adminToken}` };
  const response = await ask(`${url}/_rekey/v1/keys/${id}`, { method: "GET", headers });
  return (JSON.parse(response!.body) as { quota: { used: number } }).quota.used;
}

/** Begins so many acts each second, whether or not the earlier ones are over. */
async function atRate<Result>(
  rate: number,
  times: number,
  act: (at: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const began = performance.now();
  const acts: Promise<Result>[] = [];
  while (acts.length < times) {
    const due = ((performance.now() - began) * rate) / 1000;
    while (acts.length < Math.min(due, times)) acts.push(act(acts.length));
    await pause(2);
  }
  return Promise.all(acts);
}

const p99 = (times: readonly number[]): number =>
  Number((times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0).toFixed(1));

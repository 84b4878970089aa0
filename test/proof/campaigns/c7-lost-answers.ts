import { dice, type Dice } from "../../support/dice.ts";
import type { Rekey } from "../../support/rekey.ts";
import { Recorder, type Heard } from "../history/recorder.ts";
import { replay } from "../history/replay.ts";
import { LENIENT, type Call } from "../model/call.ts";
import { ABSENT } from "../model/key.ts";
import { make, type Route } from "../support/caller.ts";
import { deploy } from "../support/deployment.ts";
import { Secrets } from "../support/secrets.ts";
import { addUp, type Campaign, type Findings } from "./campaign.ts";

const HOLDERS = 12;
const INTENTS_A_KEY = 10;

/**
 * Three in ten answers of creations, rotations and revocations are lost, some by hanging up while the call is under way.
 * Whoever hears nothing asks again with the same Idempotency-Key, now and then twice at once. Each intent must come true
 * exactly once, its holder must end up with the one secret that works, and no other may.
 */
export const C7: Campaign = {
  name: "C7",
  title: "lost answers, asked for again with the same Idempotency-Key",
  short: 500,
  full: 8_000,
  unit: "intents",
  async run(size, seed, progress) {
    await using rekey = await deploy({ edges: 2 });
    await rekey.addProcess();
    const roll = dice(seed);
    let counts: Findings["counts"] = { intents: 0, keys: 0 };
    const violations: string[] = [];
    const holder = async () => {
      while (counts["intents"]! < size && violations.length === 0) {
        const findings = await oneKey(rekey, dice(roll.below(2 ** 31)));
        counts = addUp([counts, findings.counts]);
        violations.push(...findings.violations);
        progress(counts["intents"]!);
      }
    };
    await Promise.all(Array.from({ length: HOLDERS }, holder));
    const objects = (await rekey.objectIds()).length;
    if (objects !== counts["keys"])
      violations.push(`${objects} objects for ${counts["keys"]} keys that were asked for`);
    return { counts, violations };
  },
};

async function oneKey(rekey: Rekey, roll: Dice): Promise<Findings> {
  const recorder = new Recorder();
  const secrets = new Secrets();
  const counts = { intents: 0, keys: 1, attempts: 0, "answers lost": 0, "hung up": 0, "asked twice at once": 0 };
  const name = `holder-${roll.below(2 ** 31)}-${roll.below(2 ** 31)}`;
  let id = "";
  recorder.open(name, ABSENT);

  const attempt = async (call: Call): Promise<Heard> => {
    counts.attempts += 1;
    const isLost = roll.below(10) < 3;
    const hangsUp = isLost && roll.onceIn(2);
    counts["answers lost"] += isLost ? 1 : 0;
    counts["hung up"] += hangsUp ? 1 : 0;
    const route: Route = { door: roll.pick(rekey.urls), adminToken: rekey.adminToken, secrets };
    const sent = hangsUp ? { ...route, hangUpAfterMs: roll.below(25) } : route;
    return recorder.record(name, counts.attempts, call, async () => {
      const heard = await make(id, call, sent);
      return isLost ? null : heard;
    });
  };
  const insist = async (call: Call) => {
    counts.intents += 1;
    for (;;) {
      const isTwice = roll.onceIn(10);
      counts["asked twice at once"] += isTwice ? 1 : 0;
      const answers = await Promise.all(isTwice ? [attempt(call), attempt(call)] : [attempt(call)]);
      const heard = answers.find((each) => each !== null);
      if (heard) return heard.answer;
    }
  };

  const faults: string[] = [];
  const must = (isTrue: boolean, says: string) => {
    if (!isTrue) faults.push(`${name}, ${id}: ${says}`);
  };
  const header = () => `${name}-${counts.intents}`;
  const created = await insist({ do: "create", rules: LENIENT, mints: "", header: header() });
  must(created.code === "created", `the creation was answered ${created.code}`);
  let secret = created["secret"] as string;
  id = secrets.idOf(secret);

  let version = 1;
  const intents = 1 + roll.below(INTENTS_A_KEY);
  for (let ownRotations = 0; counts.intents < intents;) {
    const bySelf = roll.onceIn(4) && ownRotations < 4;
    ownRotations += bySelf ? 1 : 0;
    const call: Call = bySelf
      ? { do: "rotate-self", secret, mints: "", header: header() }
      : { do: "rotate", expected: roll.pick([version, null]), graceMs: 0, mints: "", header: header() };
    const answer = await insist(call);
    version += 1;
    must(answer.code === "rotated", `${call.do} was answered ${answer.code}`);
    must(answer["version"] === version, `one intent, but version ${version} became ${String(answer["version"])}`);
    const old = secret;
    secret = answer["secret"] as string;
    const verify = async (presented: string) => (await attemptUntilHeard(presented)).code;
    must((await verify(secret)) === "valid", "its holder is locked out");
    must((await verify(old)) === "key-rotated", "an old secret lives");
  }
  if (roll.onceIn(3)) {
    const answer = await insist({ do: "revoke" });
    must(answer.code === "revoked", `the revocation was answered ${answer.code}`);
    must((await attemptUntilHeard(secret)).code === "key-revoked", "a revoked key lives");
  }
  const [history] = recorder.histories;
  const unexplained = replay(history!);
  if (unexplained !== null) faults.push(unexplained);
  return { counts, violations: faults };

  async function attemptUntilHeard(presented: string) {
    for (;;) {
      const heard = await attempt({ do: "use", secret: presented, cost: 1 });
      if (heard !== null) return heard.answer;
    }
  }
}

import { setTimeout as pause } from "node:timers/promises";
import { dice, type Dice } from "../../support/dice.ts";
import type { Rekey } from "../../support/rekey.ts";
import { Recorder } from "../history/recorder.ts";
import { replay } from "../history/replay.ts";
import type { Call } from "../model/call.ts";
import { ABSENT, step } from "../model/key.ts";
import { make } from "../support/caller.ts";
import { Knowledge, nextCall, someRules } from "../support/client.ts";
import { deploy } from "../support/deployment.ts";
import { faultOfLedger } from "../support/ledger.ts";
import { startOrigin } from "../support/origin.ts";
import { Secrets } from "../support/secrets.ts";
import { addUp, type Campaign, type Findings } from "./campaign.ts";

const KEYS = 4;
const CLIENTS_A_KEY = 6;
/** The same keys live through so many kills; then their histories are judged and others take their place. */
const KILLS_A_ROUND = 5;

/**
 * Every process is killed under load, again and again, and started on the same storage, and the histories go on: what
 * was acknowledged must be there, what was interrupted must have happened or not, and the ledger catches up.
 */
export const C3: Campaign = {
  name: "C3",
  title: "SIGKILL under load, and on with the same storage",
  short: 5,
  full: 100,
  unit: "kills",
  async run(size, seed, progress) {
    await using origin = await startOrigin();
    await using rekey = await deploy({ edges: 2, origin: origin.url });
    const roll = dice(seed);
    let counts: Findings["counts"] = { kills: 0 };
    const violations: string[] = [];
    while (counts["kills"]! < size && violations.length === 0) {
      const findings = await round(rekey, roll, Math.min(KILLS_A_ROUND, size - counts["kills"]!));
      counts = addUp([counts, findings.counts]);
      violations.push(...findings.violations);
      progress(counts["kills"]!);
    }
    return { counts, violations };
  },
};

async function round(rekey: Rekey, roll: Dice, kills: number): Promise<Findings> {
  const recorder = new Recorder();
  const secrets = new Secrets();
  const route = () => ({ door: roll.pick(rekey.urls), adminToken: rekey.adminToken, secrets });
  let isOver = false;
  let up = Promise.withResolvers<void>();
  up.resolve();

  const keys = await Promise.all(
    Array.from({ length: KEYS }, async () => {
      const known = new Knowledge();
      const rules = someRules(roll);
      const created = await make("", { do: "create", rules, mints: "", header: null }, route());
      known.hear(created!.answer);
      const id = secrets.idOf(known.secret);
      recorder.open(id, step(ABSENT, { do: "create", rules, mints: known.secret, header: null }, 0).state);
      return { id, known };
    }),
  );

  let headers = 0;
  const client = async ({ id, known }: (typeof keys)[number], number: number) => {
    const ask = async (call: Call) => {
      await up.promise;
      const by = roll.pick(["gateway", "verify"]);
      const heard = await recorder.record(id, number, call, () => make(id, call, { ...route(), by }));
      if (heard !== null) known.hear(heard.answer);
      return heard;
    };
    while (!isOver) {
      const next = nextCall(roll, known, "");
      const call = next.do === "rotate" ? { ...next, header: `an-intent-of-the-proof-${(headers += 1)}` } : next;
      let heard = await ask(call);
      // A rotation whose answer was lost is asked for again, as the contract says.
      while (heard === null && call.do === "rotate" && !isOver) heard = await ask(call);
    }
  };
  const clients = keys.flatMap((key) => Array.from({ length: CLIENTS_A_KEY }, (_, number) => client(key, number)));

  for (let kill = 0; kill < kills; kill++) {
    const enough = recorder.size + 100 + roll.below(600);
    while (recorder.size < enough) await pause(5);
    up = Promise.withResolvers();
    await rekey.kill();
    recorder.killed();
    await rekey.restart();
    up.resolve();
  }
  await pause(300);
  isOver = true;
  await Promise.all(clients);

  const violations: string[] = [];
  for (const history of recorder.histories) {
    const unexplained = replay(history);
    if (unexplained !== null) violations.push(unexplained);
  }
  for (const { id } of keys) {
    const record = await make(id, { do: "read" }, route());
    const fault = record === null ? `${id} does not answer` : await faultOfLedger(rekey, id, record.revision!);
    if (fault !== null) violations.push(fault);
  }
  const operations = recorder.histories.flatMap((history) => history.operations);
  const heard = (code: string) => operations.filter(({ answer }) => answer?.code === code).length;
  return {
    counts: {
      kills,
      keys: KEYS,
      operations: operations.length,
      admissions: heard("valid"),
      rotations: heard("rotated"),
      "unknown outcomes": operations.filter(({ answer }) => answer === null).length,
    },
    violations,
  };
}

import { dice, type Dice } from "../../support/dice.ts";
import type { Rekey } from "../../support/rekey.ts";
import { atATime } from "../support/at-a-time.ts";
import { backUp, type Backup } from "../support/backup.ts";
import { deploy } from "../support/deployment.ts";
import { Contradiction } from "../support/subject.ts";
import { addUp, type Campaign, type Findings } from "./campaign.ts";
import { Survivor } from "./c11-survivor.ts";

const KEYS_A_RESTORE = 12;
const KEYS_AT_A_TIME = 6;

/**
 * What is put back. Of `both` the ledger goes back to a later time than the objects: where both go back to the same
 * instant nothing is left that knows better, as `test/runtime/recover.test.ts` shows and the runbook says.
 */
const RESTORES = ["the objects", "the ledger", "both"] as const;

/**
 * Keys live, are rotated and revoked; then everything is killed, and older copies of the ledger's files, of the objects'
 * or of both take the place of the newer ones. Under a new name of the ledger, after one run of the cron, nothing that
 * had ended is admitted, whatever is done to the key after that, and no version comes back.
 *
 * That a schema is brought forward is tried by `test/runtime/schema.test.ts`.
 */
export const C11: Campaign = {
  name: "C11",
  title: "old copies are put back: of the ledger, of the objects, of both",
  short: 2,
  full: 24,
  unit: "restores",
  async run(size, seed, progress) {
    let counts: Findings["counts"] = { restores: 0 };
    const violations: string[] = [];
    for (let at = 0; at < size && violations.length === 0; at++) {
      const findings = await trial(RESTORES[at % RESTORES.length]!, dice(seed + at));
      counts = addUp([counts, { restores: 1 }, findings.counts]);
      violations.push(...findings.violations.map((each) => `restore ${seed + at}: ${each}`));
      progress(at + 1);
    }
    return { counts, violations };
  },
};

async function trial(what: (typeof RESTORES)[number], roll: Dice): Promise<Findings> {
  await using rekey = await deploy({});
  const keys = Array.from({ length: KEYS_A_RESTORE }, () => new Survivor(rekey, roll));
  const all = (act: (key: Survivor) => Promise<void>) => atATime(KEYS_AT_A_TIME, keys, act);
  const violations: string[] = [];
  try {
    await all((key) => key.begin());
    await using early = await stopAndBackUp(rekey);
    await all((key) => key.change());
    await using late = what === "both" ? await stopAndBackUp(rekey) : null;
    // What nobody remembers after the restore, neither an object nor the ledger.
    if (late !== null) await all((key) => key.changeInVain());
    await rekey.kill();

    await early.restore(what === "the ledger" ? "d1" : "do");
    await late?.restore("d1");
    await rekey.restart({ LEDGER_EPOCH: "restored" });

    if (what === "the ledger") await all((key) => key.isAsEver());
    else await all((key) => key.remembers());
    await rekey.doChores();
    if (what === "the ledger") await all((key) => key.isAsEver());
    else await all((key) => key.isBroughtForward());
    await all((key) => key.isKnownToTheLedger());
  } catch (cause) {
    if (!(cause instanceof Contradiction)) throw cause;
    violations.push(`${what}: ${cause.message}`);
  }
  const counts = addUp(keys.map((key) => key.counts));
  // The control: had no old secret been admitted before the walk, no copy would really have been put back.
  if (violations.length === 0 && what !== "the ledger" && counts["old secrets admitted before the walk"] === 0)
    violations.push(`${what}: no object was put back`);
  return { counts, violations };
}

async function stopAndBackUp(rekey: Rekey): Promise<Backup> {
  await rekey.kill();
  const backup = await backUp(rekey);
  await rekey.restart();
  return backup;
}

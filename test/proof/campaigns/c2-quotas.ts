import { dice, type Dice } from "../../support/dice.ts";
import { LENIENT } from "../model/call.ts";
import { Crowd } from "../support/crowd.ts";
import { deploy } from "../support/deployment.ts";
import { startOrigin } from "../support/origin.ts";
import { addUp, type Campaign, type Findings } from "./campaign.ts";
import { crossTheLine, demandRotation } from "./c2-rotation.ts";
import { hold } from "./c2-reservations.ts";

/** What becomes of one key after the other. */
const TRIALS: readonly ((crowd: Crowd, roll: Dice) => Promise<Findings>)[] = [
  spend,
  hold,
  crossTheLine,
  spend,
  demandRotation,
  spend,
  hold,
  spend,
];

/**
 * Two hundred callers at once on one key, through all doors. They spend a quota while somebody rotates the key; they hold
 * units and settle them; they cross the line of a rotation by policy together. What comes of it is one number each time,
 * with no tolerance: of a limit of N exactly N are admitted, and fewer only if fewer were asked for.
 */
export const C2: Campaign = {
  name: "C2",
  title: "exact quotas, reservations and rotations by policy, from several edges",
  short: 24,
  full: 250,
  unit: "keys",
  async run(size, seed, progress) {
    await using origin = await startOrigin();
    await using rekey = await deploy({ edges: 2, origin: origin.url });
    await rekey.addProcess();
    const roll = dice(seed);
    let counts: Findings["counts"] = { keys: 0 };
    const violations: string[] = [];
    for (let at = 0; at < size && violations.length === 0; at++) {
      const crowd = new Crowd(rekey, roll);
      const findings = await TRIALS[at % TRIALS.length]!(crowd, roll);
      counts = addUp([counts, findings.counts, { keys: 1, calls: crowd.calls, "unknown outcomes": crowd.unknown }]);
      violations.push(...findings.violations.map((each) => `${crowd.id}: ${each}`));
      progress(at + 1);
    }
    return { counts, violations };
  },
};

async function spend(crowd: Crowd, roll: Dice): Promise<Findings> {
  const limit = 1 + roll.below(500);
  const calls = roll.onceIn(5) ? roll.below(limit + 1) : limit + 1 + roll.below(200);
  await crowd.begin({ ...LENIENT, quota: { limit, period: "none" } });
  const violations: string[] = [];
  let admitted = 0;
  let rotations = 0;

  const use = async (): Promise<void> => {
    const heard = await crowd.ask({ do: "use", secret: crowd.secret, cost: 1 });
    if (heard === null || heard.answer.code === "quota-exceeded") return;
    if (heard.answer.code === "valid") admitted += 1;
    // It was rotated meanwhile: the unit is still there, and asked for again.
    else if (heard.answer.code === "key-rotated") await use();
    else violations.push(`heard ${heard.answer.code}`);
  };
  const rotate = async () => {
    for (let times = roll.below(3); times > 0; times--) {
      const heard = await crowd.ask({ do: "rotate", expected: null, graceMs: 0, mints: "", header: null });
      if (heard?.answer.code !== "rotated") continue;
      crowd.secret = heard.answer["secret"] as string;
      rotations += 1;
    }
  };
  await Promise.all([crowd.all(calls, use), rotate()]);

  const { used } = await crowd.hear({ do: "read" });
  const due = Math.min(limit, calls);
  // A unit whose answer was lost on the way counts as spent, so only the sum is exact then.
  const isExact = crowd.unknown === 0 ? admitted === due && used === due : used === due && admitted <= due;
  if (!isExact) violations.push(`of ${limit}, asked ${calls} times, ${admitted} were admitted, ${String(used)} used`);
  return { counts: { admissions: admitted, "units of quota": limit, rotations }, violations };
}

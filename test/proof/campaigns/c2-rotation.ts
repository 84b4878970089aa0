import type { Dice } from "../../support/dice.ts";
import { LENIENT, type RotationRule } from "../model/call.ts";
import type { Crowd } from "../support/crowd.ts";
import type { Findings } from "./campaign.ts";

const ROUNDS = 3;
const DAY = 24 * 60 * 60_000;

const afterUses = (uses: number, mode: RotationRule["mode"]): RotationRule => ({
  afterUses: uses,
  afterMs: null,
  mode,
  graceMs: mode === "issue" ? DAY : 0,
});

/**
 * Mode `issue`: hundreds cross the line together, and exactly one of them is handed the successor. The others go on with
 * the old secret in its grace, count for nothing and are handed nothing: one use before the next line nobody is, and with
 * the next use exactly one.
 */
export async function crossTheLine(crowd: Crowd, roll: Dice): Promise<Findings> {
  const uses = 2 + roll.below(150);
  await crowd.begin({ ...LENIENT, rotation: afterUses(uses, "issue") });
  const violations: string[] = [];
  const counts = { admissions: 0, "successors handed out": 0 };

  const round = async (calls: number, old: string | null, due: number): Promise<void> => {
    const current = crowd.secret;
    const successors: string[] = [];
    const useOf = (secret: string) => async () => {
      const heard = await crowd.ask({ do: "use", secret, cost: 1 });
      if (heard === null) return;
      const { code, secret: successor } = heard.answer;
      if (code !== "valid") violations.push(`heard ${code}`);
      counts.admissions += 1;
      if (typeof successor === "string") successors.push(secret === current ? successor : "one for an old secret");
    };
    await Promise.all([crowd.all(calls, useOf(current)), crowd.all(old === null ? 0 : 100, useOf(old ?? ""))]);
    // The one who was handed it may be the one whose answer was lost.
    const isExact = crowd.unknown === 0 ? successors.length === due : successors.length <= due;
    if (!isExact) violations.push(`${calls} uses, due after ${uses}: ${successors.join(", ") || "no successor"}`);
    counts["successors handed out"] += successors.length;
    crowd.secret = successors[0] ?? current;
  };

  const first = crowd.secret;
  await round(uses + roll.below(200), null, 1);
  if (crowd.unknown === 0) await round(uses - 1, first, 0);
  if (crowd.unknown === 0) await round(1 + roll.below(200), first, 1);
  const { version } = await crowd.hear({ do: "read" });
  if (crowd.unknown === 0 && version !== 3) violations.push(`after two successors it is version ${String(version)}`);
  return { counts, violations };
}

/**
 * Mode `require`: of a secret that is due after N uses exactly N are admitted, and nobody more until it is rotated; of
 * all who rotate it by itself at once one succeeds, and then N are admitted again.
 */
export async function demandRotation(crowd: Crowd, roll: Dice): Promise<Findings> {
  const uses = 1 + roll.below(150);
  await crowd.begin({ ...LENIENT, rotation: afterUses(uses, "require") });
  const violations: string[] = [];
  const counts = { admissions: 0, rotations: 0 };

  for (let round = 1; round <= ROUNDS && violations.length === 0; round++) {
    let admitted = 0;
    await crowd.all(uses + roll.below(200), async () => {
      const heard = await crowd.ask({ do: "use", secret: crowd.secret, cost: 1 });
      if (heard?.answer.code === "valid") admitted += 1;
      else if (heard !== null && heard.answer.code !== "rotation-required")
        violations.push(`heard ${heard.answer.code}`);
    });
    const isExact = crowd.unknown === 0 ? admitted === uses : admitted <= uses;
    if (!isExact) violations.push(`${admitted} were admitted before a rotation that is due after ${uses}`);
    counts.admissions += admitted;

    const presented = crowd.secret;
    const secrets: string[] = [];
    await crowd.all(10, async () => {
      const heard = await crowd.ask({ do: "rotate-self", secret: presented, mints: "", header: null });
      if (heard?.answer.code === "rotated") secrets.push(heard.answer["secret"] as string);
    });
    if (secrets.length > 1) violations.push(`${secrets.length} rotated one secret`);
    if (secrets.length === 0) break;
    counts.rotations += 1;
    crowd.secret = secrets[0]!;
  }
  return { counts, violations };
}

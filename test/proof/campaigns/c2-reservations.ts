import type { Dice } from "../../support/dice.ts";
import { LENIENT } from "../model/call.ts";
import type { Crowd } from "../support/crowd.ts";
import type { Findings } from "./campaign.ts";

/**
 * All hold units at once, and settle some of them with less, with more or with exactly what they held, some of them
 * twice at the same time. What is used in the end is the sum of what was charged and of what is still held; and
 * whatever is left of the quota is there for exactly so many.
 */
export async function hold(crowd: Crowd, roll: Dice): Promise<Findings> {
  const limit = 50 + roll.below(450);
  await crowd.begin({ ...LENIENT, quota: { limit, period: "none" } });
  const violations: string[] = [];
  let held = 0;
  let charged = 0;
  let reservations = 0;

  await crowd.all(400, async () => {
    const cost = 1 + roll.below(5);
    const heard = await crowd.ask({ do: "use", secret: crowd.secret, cost, reserve: true });
    if (heard?.answer.code !== "valid") return;
    reservations += 1;
    held += cost;
    const reservation = heard.answer["reservation"] as string;
    if (roll.onceIn(4)) return;
    const settlement = { do: "settle", reservation, used: roll.below(cost + 3) } as const;
    const times = roll.onceIn(3) ? 2 : 1;
    const answers = await Promise.all(Array.from({ length: times }, () => crowd.ask(settlement)));
    const settled = answers.flatMap((each) => (each === null ? [] : [each.answer]));
    const charges = new Set(settled.map(({ code, charged: units }) => (code === "settled" ? units : code)));
    if (charges.size === 0) return;
    if (charges.size > 1) violations.push(`settled twice, heard ${[...charges].join(" and ")}`);
    held -= cost;
    charged += settled[0]!["charged"] as number;
  });

  const { used } = await crowd.hear({ do: "read" });
  if (crowd.unknown === 0 && used !== charged + held) {
    violations.push(`${charged} were charged and ${held} are held, but ${String(used)} are used`);
  }
  const left = limit - (used as number);
  let admitted = 0;
  await crowd.all(left + 20, async () => {
    const heard = await crowd.ask({ do: "use", secret: crowd.secret, cost: 1 });
    admitted += heard?.answer.code === "valid" ? 1 : 0;
  });
  const isExact = crowd.unknown === 0 ? admitted === left : admitted <= left;
  if (!isExact) violations.push(`of ${limit} with ${String(used)} used ${admitted} more were admitted`);
  return { counts: { reservations, admissions: reservations + admitted, "units of quota": limit }, violations };
}

import { dice } from "../../support/dice.ts";
import { LENIENT } from "../model/call.ts";
import { make } from "../support/caller.ts";
import { deploy } from "../support/deployment.ts";
import { startOrigin } from "../support/origin.ts";
import { Secrets } from "../support/secrets.ts";
import type { Campaign } from "./campaign.ts";

const CALLERS = 200;

/**
 * Two hundred callers at once spend one quota through all doors, while somebody rotates the key now and then: of a limit
 * of N exactly N are admitted, and fewer only if fewer were asked for.
 */
export const C2: Campaign = {
  name: "C2",
  title: "exact quotas, from several edges",
  short: 20,
  full: 500,
  unit: "keys",
  async run(size, seed, progress) {
    await using origin = await startOrigin();
    await using rekey = await deploy({ edges: 2, origin: origin.url });
    await rekey.addProcess();
    const roll = dice(seed);
    const counts = { keys: 0, calls: 0, admissions: 0, "units of quota": 0, rotations: 0, "unknown outcomes": 0 };
    const violations: string[] = [];

    for (; counts.keys < size && violations.length === 0; counts.keys++) {
      const secrets = new Secrets();
      const route = () => ({ door: roll.pick(rekey.urls), adminToken: rekey.adminToken, secrets });
      const limit = 1 + roll.below(500);
      const calls = roll.onceIn(5) ? roll.below(limit + 1) : limit + 1 + roll.below(200);
      const rules = { ...LENIENT, quota: { limit, period: "none" as const } };
      const created = await make("", { do: "create", rules, mints: "", header: null }, route());
      let secret = created!.answer["secret"] as string;
      const id = secrets.idOf(secret);

      let left = calls;
      let admitted = 0;
      let unknown = 0;
      const caller = async () => {
        while (left > 0) {
          left -= 1;
          counts.calls += 1;
          const by = roll.pick(["gateway", "verify"]);
          const heard = await make(id, { do: "use", secret, cost: 1 }, { ...route(), by });
          if (heard === null) unknown += 1;
          else if (heard.answer.code === "valid") admitted += 1;
          // It was rotated meanwhile: the unit is still there, and asked for again.
          else if (heard.answer.code === "key-rotated") left += 1;
          else if (heard.answer.code !== "quota-exceeded") violations.push(`heard ${heard.answer.code}`);
        }
      };
      const rotator = async () => {
        for (let times = roll.below(3); times > 0; times--) {
          const rotation = { do: "rotate", expected: null, graceMs: 0, mints: "", header: null } as const;
          const heard = await make(id, rotation, route());
          if (heard?.answer.code !== "rotated") continue;
          secret = heard.answer["secret"] as string;
          counts.rotations += 1;
        }
      };
      await Promise.all([...Array.from({ length: CALLERS }, caller), rotator()]);

      counts.admissions += admitted;
      counts["units of quota"] += limit;
      counts["unknown outcomes"] += unknown;
      const record = await make(id, { do: "read" }, route());
      const used = record?.answer["used"];
      const due = Math.min(limit, calls);
      // A unit whose answer was lost on the way counts as spent, so only the sum is exact then.
      const isExact = unknown === 0 ? admitted === due && used === due : used === due && admitted <= due;
      if (!isExact)
        violations.push(`${id}: of ${limit}, asked ${calls} times, ${admitted} were admitted, ${String(used)} used`);
      progress(counts.keys + 1);
    }
    return { counts, violations };
  },
};

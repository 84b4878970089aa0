import { expect, test } from "vitest";
import { CAMPAIGNS, PURE } from "../campaigns/all.ts";

const seed = Number(process.env["SEED"] ?? 1);

test.each(CAMPAIGNS.filter((campaign) => !PURE.includes(campaign)).map((campaign) => ({ ...campaign, seed })))(
  "$name, seed $seed: $title",
  async ({ run, short }) => {
    const { violations } = await run(short, seed, () => {});
    expect(violations).toEqual([]);
  },
);

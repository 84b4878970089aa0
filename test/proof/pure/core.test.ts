import { expect, test } from "vitest";
import { PURE } from "../campaigns/all.ts";
import { conduct } from "../campaigns/campaign.ts";

const seed = Number(process.env["SEED"] ?? 1);

test.each(PURE.map((campaign) => ({ ...campaign, seed })))(
  "$name, seed $seed: $title",
  { timeout: 120_000 },
  async (campaign) => {
    const { violations } = await conduct(campaign, campaign.short, seed, () => {});
    expect(violations).toEqual([]);
  },
);

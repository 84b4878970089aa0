import { expect, test } from "vitest";
import { CAMPAIGNS, PURE } from "../campaigns/all.ts";

const seed = Number(process.env["SEED"] ?? 1);

/** The pure ones run with the tests of the core; what measures time wants the machine for itself, and runs in full only. */
const chosen = CAMPAIGNS.filter((campaign) => !PURE.includes(campaign) && campaign.short > 0);

test.each(chosen.map((campaign) => ({ ...campaign, seed })))("$name, seed $seed: $title", async ({ run, short }) => {
  const { violations } = await run(short, seed, () => {});
  expect(violations).toEqual([]);
});

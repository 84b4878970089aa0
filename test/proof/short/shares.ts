import { expect, test } from "vitest";
import { CAMPAIGNS, PURE } from "../campaigns/all.ts";
import { C10 } from "../campaigns/c10-outages.ts";
import { C11 } from "../campaigns/c11-restore.ts";
import { C14 } from "../campaigns/c14-long-lived.ts";
import { C3 } from "../campaigns/c3-kill.ts";
import { C4 } from "../campaigns/c4-abort.ts";
import { conduct, type Campaign } from "../campaigns/campaign.ts";

const seed = Number(process.env["SEED"] ?? 1);

/** Those that hold something to a second: they want the machine for themselves. */
export const TIMED: readonly Campaign[] = [C14];

/** Those that spend much of their time waiting for what they broke. */
export const FAULTS: readonly Campaign[] = [C3, C4, C10, C11];

/** All others, but for the pure ones, which run with the tests of the core, and those that run in full only. */
export const TRAFFIC: readonly Campaign[] = CAMPAIGNS.filter(
  (campaign) => campaign.short > 0 && ![...PURE, ...TIMED, ...FAULTS].includes(campaign),
);

/** Runs these at their short sizes, one after the other. */
export function runShort(campaigns: readonly Campaign[]): void {
  test.each(campaigns.map((campaign) => ({ ...campaign, seed })))("$name, seed $seed: $title", async (campaign) => {
    const { violations } = await conduct(campaign, campaign.short, seed, () => {});
    expect(violations).toEqual([]);
  });
}

import { expect, test } from "vitest";
import { PURE } from "../campaigns/all.ts";

const seed = Number(process.env["SEED"] ?? 1);

test.each(PURE.map((campaign) => ({ ...campaign, seed })))(
  "$name, seed $seed: $title",
  { timeout: 120_000 },
  async ({ run, short }) => {
    const { violations } = await run(short, seed, () => {});
    expect(violations).toEqual([]);
  },
);

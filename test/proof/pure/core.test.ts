import { expect, test } from "vitest";
import { C5 } from "../campaigns/c5-core.ts";

const seed = Number(process.env["SEED"] ?? 1);

test(`C5, seed ${seed}: ${C5.title}`, { timeout: 120_000 }, async () => {
  const { violations } = await C5.run(C5.short, seed, () => {});
  expect(violations).toEqual([]);
});

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { CAMPAIGNS } from "../campaigns/all.ts";
import { MUTANTS } from "../mutants/all.ts";
import { plant } from "../mutants/mutant.ts";

const root = join(import.meta.dirname, "../../..");

it.each(MUTANTS)("the planted bug still fits the code: $bug", (mutant) => {
  const source = readFileSync(join(root, mutant.file), "utf8");
  expect(plant(mutant, source)).not.toBe(source);
});

it.each(MUTANTS)("its catcher exists: $bug", ({ catcher }) => {
  const exists =
    "campaign" in catcher
      ? CAMPAIGNS.some(({ name }) => name === catcher.campaign)
      : existsSync(join(root, catcher.test));
  expect(exists).toBe(true);
});

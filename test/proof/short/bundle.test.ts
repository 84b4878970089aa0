import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Blueprint } from "../../support/build.ts";
import { ABORT_POINTS } from "../../support/abort-points.ts";

const { bundles } = JSON.parse(
  await readFile(join(process.env["REKEY_ARTEFACTS"]!, "blueprint.json"), "utf8"),
) as Blueprint;

/** What only a Worker under test may contain: the names of the points, the door that arms them, injected faults. */
const MARKS = [...ABORT_POINTS, "abort point", "_abort-point", "LEDGER_FAULTS"];

it("what is deployed contains no abort point and no injected fault", async () => {
  const deployed = await readFile(bundles.deployed, "utf8");
  expect(MARKS.filter((mark) => deployed.includes(mark))).toEqual([]);
});

it("the control: what is under test contains all of them", async () => {
  const underTest = await readFile(bundles["faulty-ledger"], "utf8");
  expect(MARKS.filter((mark) => !underTest.includes(mark))).toEqual([]);
});

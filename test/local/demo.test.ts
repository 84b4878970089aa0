import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { checkOut, freePort } from "../support/checkout.ts";

it("npm run demo starts a Rekey of its own, tells its story, and every sentence of it holds", async () => {
  await using checkout = await checkOut();
  const demo = checkout.run("node", ["src/local/demo.ts"], { PORT: String(await freePort()) });
  expect(await demo.ended).toBe(0);
  expect(demo.output()).toContain("✓ admitted: 50\n");
  expect(demo.output()).toContain("✓ refused with 429 quota-exceeded: 450\n");
  expect(demo.output()).toContain("✓ the very next request with the old key: 401 key-rotated\n");
  expect(demo.output()).not.toContain("✗");
  expect(demo.output()).toContain("Every sentence held.");
  expect(existsSync(`${checkout.path}/.rekey`)).toBe(false);
});

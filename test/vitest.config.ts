import { join } from "node:path";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { testSecrets } from "./support/settings.ts";

const root = join(import.meta.dirname, "..");

/**
 * Four ways to run the same product, cheapest first: `unit` in plain Node, `runtime` inside workerd with the objects at
 * hand, `outside` over real HTTP; and `proof`, the campaigns at their short sizes.
 */
export default defineConfig({
  root,
  test: {
    // What an object says of a fault that a test has staged is of interest only where the test fails.
    silent: "passed-only",
    projects: [
      {
        root,
        // The campaign of interleavings runs the object of a key without the platform.
        resolve: { alias: { "cloudflare:workers": join(root, "test/proof/simulation/durable-object.ts") } },
        test: {
          name: "unit",
          include: ["test/unit/**/*.test.ts", "test/proof/pure/**/*.test.ts", "test/layers.test.ts"],
        },
      },
      {
        root,
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: join(root, "wrangler.toml") },
            miniflare: {
              bindings: { ...testSecrets, TEST_MIGRATIONS: await readD1Migrations(join(root, "migrations")) },
            },
          })),
        ],
        test: {
          name: "runtime",
          include: ["test/runtime/**/*.test.ts", "test/race/**/*.test.ts"],
          setupFiles: ["test/support/migrate.ts", "test/support/tally-timer.ts"],
          testTimeout: 30_000,
        },
      },
      {
        root,
        test: {
          name: "proof",
          include: ["test/proof/short/**/*.test.ts"],
          globalSetup: ["test/support/build.ts"],
          // After all others, one campaign at a time: each wants the whole machine.
          sequence: { groupOrder: 1 },
          maxWorkers: 1,
          testTimeout: 240_000,
          hookTimeout: 60_000,
        },
      },
      {
        root,
        test: {
          name: "outside",
          include: ["test/promises/**/*.test.ts", "test/edge/**/*.test.ts", "test/local/**/*.test.ts"],
          globalSetup: ["test/support/build.ts"],
          // Each file runs a Worker in processes of its own: two at a time keep a small machine honest about time.
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});

import { availableParallelism } from "node:os";
import { join } from "node:path";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { testSecrets } from "./support/settings.ts";

const root = join(import.meta.dirname, "..");

/** Files at a time: one more than there are cores, because each spends a third of its time waiting; never a crowd. */
const WORKERS = Math.min(availableParallelism() + 1, 6);

/** For a test that hangs, and for nothing else: none is judged by how fast the machine is. */
const PATIENCE_MS = 180_000;

/** What promises an end within a second measures the machine too: it runs after all others, one file at a time. */
const ALONE = ["test/proof/short/open-streams.test.ts", "test/proof/short/long-lived.test.ts"];

/**
 * Three ways to run the same product, cheapest first: `unit` in plain Node, `runtime` inside workerd with the objects at
 * hand, `outside` over real HTTP. And the campaigns at their short sizes: `pure` in plain Node, `proof` over HTTP, the
 * last of them `alone`. Projects of a group begin in the order of their names, so that the shortest files end a run.
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
          name: "pure",
          include: ["test/proof/pure/**/*.test.ts"],
          maxWorkers: WORKERS,
          testTimeout: PATIENCE_MS,
        },
      },
      {
        root,
        test: {
          name: "unit",
          // Pure: what one file leaves behind no other can find, and a process for each would cost more than the tests.
          isolate: false,
          maxWorkers: WORKERS,
          include: ["test/unit/**/*.test.ts", "test/layers.test.ts"],
          testTimeout: PATIENCE_MS,
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
          setupFiles: ["test/support/hold-ledger.ts", "test/support/fresh-storage.ts", "test/support/tally-timer.ts"],
          // One workerd runs many files, each on storage that is empty.
          isolate: false,
          maxWorkers: WORKERS,
          testTimeout: PATIENCE_MS,
        },
      },
      {
        root,
        test: {
          name: "proof",
          include: ["test/proof/short/**/*.test.ts"],
          exclude: ALONE,
          globalSetup: ["test/support/build.ts"],
          maxWorkers: WORKERS,
          testTimeout: 240_000,
          hookTimeout: 60_000,
        },
      },
      {
        root,
        test: {
          name: "alone",
          include: ALONE,
          globalSetup: ["test/support/build.ts"],
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
          maxWorkers: WORKERS,
          testTimeout: PATIENCE_MS,
          hookTimeout: PATIENCE_MS,
        },
      },
    ],
  },
});

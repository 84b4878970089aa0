import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";

// Before the tests of each file inside the runtime: the ledger as a deployment has it.
await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);

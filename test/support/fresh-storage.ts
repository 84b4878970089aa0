import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";

// Before the tests of each file inside the runtime: no object is left of the file before, no alarm of one will ring, and
// the ledger is as a deployment has it.
await reset();
await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);

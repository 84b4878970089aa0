import type { D1Migration } from "cloudflare:test";
import type { Env as WorkerEnv } from "../../src/env.ts";
import type * as worker from "../../src/index.ts";

declare global {
  namespace Cloudflare {
    /** What `env` from "cloudflare:workers" holds in tests that run inside the runtime. */
    interface Env extends WorkerEnv {
      readonly TEST_MIGRATIONS: D1Migration[];
    }
    /** Types `exports` from "cloudflare:workers". */
    interface GlobalProps {
      mainModule: typeof worker;
    }
  }
}

import { env } from "cloudflare:workers";
import { holdToLimits } from "./d1-limits.ts";

// In the isolate that imports this, the ledger keeps to D1's limits from here on.
holdToLimits(env.DB);

import type { Config, Env } from "../env.ts";
import { DAY_MS, epochMs, type EpochMs } from "../key/time.ts";
import { deleteReadsBefore } from "../ledger/reads.ts";

/** How many rows go in one run: 1.4 million a day. */
const ROWS_A_RUN = 1_000;

/** Forgets who has read what when it is older than the deployment keeps what is said of people. */
export const forgetReads = (env: Env, config: Config, now: EpochMs): Promise<void> =>
  deleteReadsBefore(env.DB, epochMs(now - config.sightingsRetentionDays * DAY_MS), ROWS_A_RUN);

import type { Config, Env } from "../env.ts";
import { DAY_MS, epochMs, type EpochMs } from "../key/time.ts";
import { deleteEventsBefore } from "../ledger/retention.ts";

/** How many events are deleted in one run: 1.4 million a day. */
const EVENTS_A_RUN = 1_000;

/** Deletes from the ledger what is older than the deployment wants to keep. */
export async function retain(env: Env, config: Config, now: EpochMs): Promise<void> {
  const { eventsRetentionDays } = config;
  if (eventsRetentionDays === null) return;
  await deleteEventsBefore(env.DB, epochMs(now - eventsRetentionDays * DAY_MS), EVENTS_A_RUN);
}

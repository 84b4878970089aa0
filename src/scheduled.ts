import { forgetArrivals } from "./chores/forget-arrivals.ts";
import { forgetReads } from "./chores/forget-reads.ts";
import { forgetOldSightings } from "./chores/forget-sightings.ts";
import { reconcile } from "./chores/reconcile.ts";
import { retain } from "./chores/retain.ts";
import { wakeWebhooks } from "./chores/wake-webhooks.ts";
import { configOf, type Config, type Env } from "./env.ts";
import { epochMs, type EpochMs } from "./key/time.ts";

type Chore = (env: Env, config: Config, now: EpochMs) => Promise<void>;

/**
 * What is done every minute, in this order: first what somebody waits for. Each does a part and goes on with the next
 * one: a run is short, however much there is.
 */
const CHORES: Readonly<Record<string, Chore>> = {
  wakeWebhooks,
  reconcile,
  retain,
  forgetOldSightings,
  forgetReads,
  forgetArrivals,
};

/** Does every chore, each by itself: that one fails is no reason to leave the others. All come again in a minute. */
export async function doChores(env: Env, now: EpochMs = epochMs(Date.now())): Promise<void> {
  const reading = configOf(env);
  if (!reading.ok) return console.error({ message: "misconfigured: no chore is done", problems: reading.problems });
  for (const [chore, run] of Object.entries(CHORES)) {
    try {
      await run(env, reading.config, now);
    } catch (cause) {
      console.error({ message: "a chore failed", chore, cause: String(cause) });
    }
  }
}

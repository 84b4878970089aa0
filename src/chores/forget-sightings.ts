import type { Config, Env } from "../env.ts";
import { after, DAY_MS, epochMs, type EpochMs } from "../key/time.ts";
import { readChore, writeChore } from "../ledger/chores.ts";
import { deleteAlertsBefore, forgetSightings, type Places } from "../ledger/sightings.ts";

/** How many of each are looked at in one run: 1.4 million a day. */
const A_RUN = 1_000;

const NAME = "forget-sightings";

/** How far it is; `rests`: until when nothing is looked for, behind a walk through all of it. */
type Walk = { readonly places: Places; readonly rests: EpochMs };

/**
 * Forgets what refusals and alerts say of people when it is older than the deployment keeps it. Walks through all of it
 * once a day: a ledger that was restored has some of it again.
 */
export async function forgetOldSightings(env: Env, config: Config, now: EpochMs): Promise<void> {
  const before = epochMs(now - config.sightingsRetentionDays * DAY_MS);
  await deleteAlertsBefore(env.DB, before, A_RUN);
  const walk = await readChore<Walk>(env.DB, NAME);
  if (walk !== null && now < walk.rests) return;
  const { places, isOver } = await forgetSightings(env.DB, before, walk?.places ?? {}, A_RUN);
  await writeChore(env.DB, NAME, {
    places: isOver ? {} : places,
    rests: isOver ? after(now, DAY_MS) : now,
  } satisfies Walk);
}

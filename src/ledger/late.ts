import { epochMs, type EpochMs } from "../key/time.ts";
import { readChore } from "./chores.ts";

/** A delivery that had failed before, when it came or failed again, and since when its oldest event has waited. */
export type Late = { readonly at: EpochMs; readonly since: EpochMs };

/**
 * How long after a late delivery others of the same outage may still be on their way, in milliseconds: a little more
 * than the longest wait between two attempts.
 */
const OTHERS_FOLLOW_MS = 75_000;

const LATE = "late";

/** Notes a late delivery. Of one outage the newest arrival and the oldest event are kept. */
export const noteLate = (db: D1Database, { at, since }: Late): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO chores (name, state) VALUES ('${LATE}', json_object('at', ?1, 'since', ?2))
       ON CONFLICT (name) DO UPDATE SET state = json_object(
         'at', max(?1, state ->> 'at'),
         'since', iif(?1 - (state ->> 'at') > ${OTHERS_FOLLOW_MS}, ?2, min(?2, state ->> 'since')))`,
    )
    .bind(at, since);

/**
 * Since when the ledger may lack events although it answers: it was down, and keys are catching up. `null`: as far as
 * it knows it lacks nothing but what happens in this moment.
 */
export async function behindSince(db: D1Database, now: EpochMs): Promise<EpochMs | null> {
  const late = await readChore<Late>(db, LATE);
  return late === null || now - late.at > OTHERS_FOLLOW_MS ? null : epochMs(late.since);
}

import type { Config, Env } from "../env.ts";
import { askKey } from "../http/ask-key.ts";
import type { Reconciled } from "../key-object/rpc.ts";
import { RECONCILE, type Walk } from "../ledger/walk.ts";
import { after, type EpochMs, HOUR_MS } from "../key/time.ts";
import { readChore, writeChore } from "../ledger/chores.ts";
import { viewsAfter, type ViewOfKey } from "../ledger/views.ts";

/** How many keys are asked in one run, and how many of them at once. Each wakes an object. */
export const KEYS_A_RUN = 100;
const AT_ONCE = 10;

/** A walk through all keys begins this long after the last one began, or at once under another epoch. */
const WALK_EVERY_MS = HOUR_MS;

/**
 * Tells keys what the ledger knows of them, a part of them in each run and all of them in one walk after the other. A key
 * makes the ledger catch up; a key that knows less than the ledger was restored, and is brought forward.
 */
export async function reconcile(env: Env, config: Config, now: EpochMs): Promise<void> {
  const epoch = config.ledgerEpoch;
  let walk = await readChore<Walk>(env.DB, RECONCILE);
  const rests = walk !== null && walk.epoch === epoch && walk.after === null;
  if (rests && now < after(walk!.beganAt, WALK_EVERY_MS)) return;
  if (walk === null || walk.epoch !== epoch || walk.after === null) {
    walk = { epoch, after: "", beganAt: now, keys: 0, caughtUp: 0, recovered: 0, silent: 0, last: walk?.last ?? null };
  }

  const views = await viewsAfter(env.DB, walk.after!, KEYS_A_RUN);
  for (let at = 0; at < views.length; at += AT_ONCE) {
    const answers = await Promise.all(views.slice(at, at + AT_ONCE).map((each) => ask(env, config, each)));
    for (const answer of answers) walk = counted(walk, answer);
  }
  const isOver = views.length < KEYS_A_RUN;
  const { keys, caughtUp, recovered, silent } = walk;
  const last = isOver ? { endedAt: now, keys, caughtUp, recovered, silent } : walk.last;
  const next: Walk = { ...walk, after: isOver ? null : views.at(-1)!.keyId, last };
  await writeChore(env.DB, RECONCILE, next);
}

async function ask(env: Env, config: Config, { keyId, view }: ViewOfKey): Promise<Reconciled | null> {
  const asked = await askKey(env, config, keyId, (key) => key.reconcile(view));
  if (!asked.answered) return null;
  if (asked.answer.recovered)
    console.warn({ message: "a key's object had been restored: it was brought forward", keyId });
  return asked.answer;
}

const counted = (walk: Walk, answer: Reconciled | null): Walk => ({
  ...walk,
  keys: walk.keys + 1,
  caughtUp: walk.caughtUp + (answer?.caughtUp ? 1 : 0),
  recovered: walk.recovered + (answer?.recovered ? 1 : 0),
  silent: walk.silent + (answer === null ? 1 : 0),
});

import type { Circumstance } from "./change.ts";
import type { KeyEvent } from "./event.ts";
import type { Key, Moved, Step } from "./key.ts";
import { noticeQuota } from "./quota-notice.ts";
import { look, lookAtKey, type Attempt } from "./suspicion.ts";
import type { History } from "./suspicion-history.ts";
import { raise } from "./suspicion-raise.ts";

/**
 * A step, with all that people should hear of because of it: alerts, and a quota that goes to its end. What there is to
 * see is seen in the step itself, so no alert can be late, or about a state that never was.
 *
 * @param attempt the secret that was presented, and what its holder heard; `null`: none was.
 */
export function noticed<Answer>(
  was: Key,
  step: Step<Answer>,
  attempt: Attempt | null,
  history: History,
  circumstance: Circumstance,
): { readonly step: Step<Answer>; readonly history: History } {
  const { now } = circumstance;
  // Nobody asked for what follows: the key's own policy has it so, because of this request.
  const cause: Circumstance = { now, by: { ...circumstance.by, actor: "policy" }, reason: null, on: "policy" };
  const seen = attempt === null ? { history, sightings: [] } : look(history, was, attempt, now);

  let { key } = step;
  const events: KeyEvent[] = [...step.events];
  const move = (moved: Moved): void => {
    key = moved.key;
    events.push(...moved.events);
  };
  move(noticeQuota(was, key, cause));
  for (const sighting of [...seen.sightings, ...lookAtKey(was, key, now)]) move(raise(key, sighting, cause));
  return { step: { key, events, answer: step.answer }, history: seen.history };
}

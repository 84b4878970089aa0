import { note, type Circumstance } from "./change.ts";
import { suspend } from "./standing.ts";
import type { Key, Moved } from "./key.ts";
import type { Sighting } from "./suspicion.ts";
import { ruleOf } from "./suspicion-policy.ts";

/**
 * Makes an alert of a sighting, unless one like it was raised so lately that people know. With the action `suspend` the
 * key is suspended in this very step.
 *
 * The silence is one of words and not of deeds: a key that somebody resumed is suspended again by the next sighting.
 */
export function raise(key: Key, { alert, evidence }: Sighting, circumstance: Circumstance): Moved {
  const { standing } = key;
  const rule = ruleOf(key.profile, alert);
  if (rule.off) return { key, events: [] };
  const suspends = rule.action === "suspend" && standing.suspendedAt === null && standing.revokedAt === null;
  const last = standing.alerted[alert];
  const isQuiet = last !== undefined && circumstance.now - last < rule.quietSeconds * 1000;
  if (isQuiet && !suspends) return { key, events: [] };

  const action = suspends ? "suspend" : "alert";
  const noted = note(key, "key.alerted", circumstance, { alert, action, ...evidence });
  const alerted = { ...standing.alerted, [alert]: circumstance.now };
  const marked: Key = { ...noted.key, standing: { ...noted.key.standing, alerted } };
  if (!suspends) return { key: marked, events: noted.events };
  const stopped = suspend(marked, { ...circumstance, reason: `suspicion: ${alert}` });
  return { key: stopped.key, events: [...noted.events, ...stopped.events] };
}

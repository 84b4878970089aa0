import { note, type Circumstance } from "./change.ts";
import type { Key, Moved } from "./key.ts";
import { rfc3339 } from "./time.ts";

/** Of what a period has to give, in percent. */
const QUOTA_NOTICES = [80, 90, 100] as const;

/**
 * Tells people, once for each of these and each period, how far a quota is used. A step that passes several of them
 * tells the highest only. What was told is forgotten with the period, and as far as another limit has made it untrue.
 */
export function noticeQuota(was: Key, key: Key, circumstance: Circumstance): Moved {
  const { quota: rule } = key.profile;
  const { quota: state } = key.use;
  const isAsBefore = state === was.use.quota && rule === was.profile.quota;
  if (rule === null || state === null || isAsBefore) return { key, events: [] };

  const available = rule.limit + state.carried;
  const percent = QUOTA_NOTICES.findLast((share) => state.used * 100 >= share * available) ?? 0;
  const told = state.told ?? 0;
  // What was given back may be used again, and has been told already.
  if (percent === told || (percent < told && rule === was.profile.quota)) return { key, events: [] };
  const marked: Key = { ...key, use: { ...key.use, quota: { ...state, told: percent } } };
  if (percent < told) return { key: marked, events: [] };
  const periodStart = state.span === null ? null : rfc3339(state.span.startsAt);
  return note(marked, "key.quota-reached", circumstance, { percent, used: state.used, available, periodStart });
}

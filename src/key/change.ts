import type { Stopper } from "./authority.ts";
import type { By, EventType, KeyEvent } from "./event.ts";
import { makeEvent } from "./event-making.ts";
import { statusOf, type Key, type Moved, type RetiredSecret, type Standing, type Step } from "./key.ts";
import { withoutRepeat } from "./receipt.ts";
import type { EpochMs } from "./time.ts";

/** When a change is asked for, by whom, and why. `on`: on whose authority; absent, an operator's: that binds the most. */
export type Circumstance = {
  readonly now: EpochMs;
  readonly by: By;
  readonly reason: string | null;
  readonly on?: Stopper;
};

export const unchanged = <Answer>(key: Key, answer: Answer): Step<Answer> => ({ key, events: [], answer });

/**
 * The one way in which a key changes: with the next sequence as its revision, and an event that says so. What the change
 * makes of the key's status, be it a suspension or an end that is moved, every event tells by itself; what else was and
 * is now is for `detail`.
 */
export function change(
  key: Key,
  changes: Partial<Standing>,
  type: EventType,
  { now, by, reason }: Circumstance,
  detail: KeyEvent["detail"] = {},
): Moved {
  const sequence = key.standing.sequence + 1;
  const changed: Key = {
    ...key,
    standing: { ...key.standing, ...changes, revision: sequence, sequence },
    use: { ...key.use, newest: now },
  };
  const status = { before: statusOf(key, now), after: statusOf(changed, now) };
  const told = {
    ...detail,
    ...(status.before !== status.after && { status }),
    ...(reason !== null && { reason }),
  };
  return { key: changed, events: [makeEvent(sequence, type, { now, by }, told)] };
}

/** A fact about a key that changes nothing of its record: it has a sequence, and the revision stays. */
export function note(key: Key, type: EventType, { now, by }: Circumstance, detail: KeyEvent["detail"]): Moved {
  const sequence = key.standing.sequence + 1;
  return {
    key: { ...key, standing: { ...key.standing, sequence } },
    events: [makeEvent(sequence, type, { now, by }, detail)],
  };
}

/** Ends every grace that still runs: the secrets are dead from `now` on, and nothing later revives them. */
export const endGraces = (retired: readonly RetiredSecret[], now: EpochMs): readonly RetiredSecret[] =>
  retired.some(({ validUntil }) => validUntil > now)
    ? retired.map((secret) => (secret.validUntil > now ? { ...secret, validUntil: now } : secret))
    : retired;

/** The key with no secret left but the current one, and that one to be had from nowhere again. */
export const stopped = (key: Key, now: EpochMs): Key => ({
  ...key,
  standing: { ...key.standing, retired: endGraces(key.standing.retired, now) },
  receipts: withoutRepeat(key.receipts),
});

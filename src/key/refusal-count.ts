import type { Reason } from "./refusal.ts";
import type { JsonValue } from "./policy.ts";
import { epochMs, type EpochMs, MINUTE_MS, rfc3339 } from "./time.ts";

/** The refusals of one key for one reason within one minute, with one of them as a sample. */
export type RefusalCount = {
  readonly minute: EpochMs;
  readonly reason: Reason;
  readonly count: number;
  readonly firstAt: EpochMs;
  readonly lastAt: EpochMs;
  readonly sample: RefusalSample;
};

export type RefusalSample = {
  readonly requestId: string;
  readonly ip: string | null;
  readonly country: string | null;
  readonly method: string | null;
  readonly path: string | null;
};

/** At most one for each minute and reason, in the order of their beginning. */
export type RefusalCounts = ReadonlyMap<string, RefusalCount>;

/** Counts refusals, in place: a flood of them must cost next to nothing. @param count how many it were. */
export function noteRefusal(
  counts: Map<string, RefusalCount>,
  reason: Reason,
  now: EpochMs,
  sample: () => RefusalSample,
  count = 1,
): void {
  const minute = minuteOf(now);
  const name = `${minute} ${reason}`;
  const known = counts.get(name);
  counts.set(
    name,
    known === undefined
      ? { minute, reason, count, firstAt: now, lastAt: now, sample: sample() }
      : { ...known, count: known.count + count, lastAt: now },
  );
}

/** Both counts together. Of two samples the earlier one stays. */
export function mergeRefusals(earlier: RefusalCounts, later: RefusalCounts): RefusalCounts {
  const merged = new Map(earlier);
  for (const [name, more] of later) {
    const known = merged.get(name);
    merged.set(name, known === undefined ? more : { ...known, count: known.count + more.count, lastAt: more.lastAt });
  }
  return merged;
}

/** When the minute of a refusal is over, and its count final. */
export const endOfMinute = (at: EpochMs): EpochMs => epochMs(minuteOf(at) + MINUTE_MS);

/** What the event of a count that is final says. */
export const refusalDetail = ({ reason, count, firstAt, lastAt, sample }: RefusalCount): Record<string, JsonValue> => ({
  reason,
  count,
  firstAt: rfc3339(firstAt),
  lastAt: rfc3339(lastAt),
  sample: { ...sample },
});

const minuteOf = (at: EpochMs): EpochMs => epochMs(Math.floor(at / MINUTE_MS) * MINUTE_MS);

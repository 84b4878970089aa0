import { endOf } from "./lifetime.ts";
import { standingRefusal, type Key } from "./key.ts";
import type { Reason } from "./refusal.ts";
import type { EpochMs } from "./time.ts";

/**
 * Why what was admitted under a version must end; `null` while it may go on: the version is the current one or in its
 * grace, and the key may be used. The same rules as for an admission, without what an admission spends.
 */
export function endedBecause(key: Key, version: number, now: EpochMs): Reason | null {
  const refusal = standingRefusal(key, now);
  if (refusal !== null) return refusal.reason;
  return isKnown(key, version) && now < (endOfVersion(key, version) ?? Infinity) ? null : "key-rotated";
}

/** The next instant at which, without any change, a version may cease to hold; `null`: none is known. */
export function nextEnd(key: Key, now: EpochMs): EpochMs | null {
  const ends = [endOf(key), ...key.standing.retired.map(({ validUntil }) => validUntil)];
  return ends.reduce<EpochMs | null>(
    (earliest, end) => (end !== null && end > now && (earliest === null || end < earliest) ? end : earliest),
    null,
  );
}

const isKnown = ({ standing }: Key, version: number): boolean =>
  version === standing.version || standing.retired.some((retired) => retired.version === version);

const endOfVersion = ({ standing }: Key, version: number): EpochMs | null =>
  standing.retired.find((retired) => retired.version === version)?.validUntil ?? null;

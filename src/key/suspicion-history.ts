import { isReached, stamped, type Stamps } from "./stamps.ts";
import type { Alert, SuspicionRule } from "./suspicion-policy.ts";
import type { EpochMs } from "./time.ts";

/**
 * Refusals that were seen lately, as far as a detector asks about them. Not durable, because a refusal writes nothing:
 * whoever keeps it may lose it, and then the counting begins anew. Bounded, because anybody with an old secret adds to it.
 */
export type History = {
  readonly seen: ReadonlyMap<Alert, Stamps>;
  /** Failures by address; the address that failed last is the last. */
  readonly failed: ReadonlyMap<string, Stamps>;
};

export const NOTHING_SEEN: History = { seen: new Map(), failed: new Map() };

/** Of how many addresses failures are remembered. Whoever comes from more addresses is found as a burst. */
const ADDRESSES = 64;

/** With one more sighting, and whether it is one too many. A rule that asks for one asks for no history. */
export function sighted(
  history: History,
  alert: Alert,
  rule: SuspicionRule,
  now: EpochMs,
): { readonly history: History; readonly reached: boolean } {
  if (rule.off) return { history, reached: false };
  if (rule.threshold === 1) return { history, reached: true };
  const stamps = stamped(history.seen.get(alert) ?? [], now, rule.threshold);
  return {
    history: { ...history, seen: new Map(history.seen).set(alert, stamps) },
    reached: isReached(stamps, rule, now),
  };
}

/** With one more failure from an address. */
export function failedFrom(history: History, address: string, { threshold }: SuspicionRule, now: EpochMs): History {
  const failed = new Map(history.failed);
  const stamps = stamped(failed.get(address) ?? [], now, threshold);
  failed.delete(address);
  if (failed.size >= ADDRESSES) failed.delete(failed.keys().next().value!);
  return { ...history, failed: failed.set(address, stamps) };
}

/** Whether so many failures from an address lie so shortly behind. */
export const hasFailedFrom = (history: History, address: string, rule: SuspicionRule, now: EpochMs): boolean =>
  isReached(history.failed.get(address) ?? [], rule, now);

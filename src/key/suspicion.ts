import { sameDigest, type Digest } from "./digest.ts";
import type { Key } from "./key.ts";
import type { JsonValue } from "./policy.ts";
import { isReached } from "./stamps.ts";
import { failedFrom, hasFailedFrom, sighted, type History } from "./suspicion-history.ts";
import { ruleOf, type Alert } from "./suspicion-policy.ts";
import { rfc3339, type EpochMs } from "./time.ts";

/** Something suspicious, with what speaks for it. Whether it is an alert is for `raise` to say. */
export type Sighting = { readonly alert: Alert; readonly evidence: { readonly [name: string]: JsonValue } };

/** Somebody presented a secret and heard this; `null`: it was good. */
export type Attempt = {
  readonly presented: Digest;
  readonly ip: string | null;
  readonly refused: string | null;
  /** How many more like it there were, that a Worker refused by itself. */
  readonly more?: number;
};

/** What is to be seen in an attempt, and what is to be remembered of it. */
export function look(
  history: History,
  key: Key,
  attempt: Attempt,
  now: EpochMs,
): { readonly history: History; readonly sightings: readonly Sighting[] } {
  // The Worker asks again, and brings a slot: nobody was refused anything.
  if (attempt.refused === "slot-required") return { history, sightings: [] };
  return attempt.refused === null
    ? { history, sightings: successAfterFailures(history, key, attempt, now) }
    : lookAtRefusal(history, key, attempt, attempt.refused, now);
}

/**
 * Refusals that say something about who asks: the secret, where the key stands, and what it reaches. To be told to wait
 * is no failure: the most honest of clients are, and are admitted again after it.
 */
const FAILURES: ReadonlySet<string> = new Set([
  "wrong-secret",
  "key-rotated",
  "key-revoked",
  "key-suspended",
  "owner-suspended",
  "key-expired",
  "rotation-required",
  "insufficient-scope",
  "ip-not-allowed",
]);

function successAfterFailures(history: History, key: Key, { ip }: Attempt, now: EpochMs): readonly Sighting[] {
  const alert = "failures-then-success";
  const rule = ruleOf(key.profile, alert);
  if (ip === null || rule.off || !hasFailedFrom(history, ip, rule, now)) return [];
  return [{ alert, evidence: { failures: rule.threshold, withinSeconds: rule.withinSeconds } }];
}

function lookAtRefusal(
  earlier: History,
  key: Key,
  { presented, ip, more = 0 }: Attempt,
  reason: string,
  now: EpochMs,
): { readonly history: History; readonly sightings: readonly Sighting[] } {
  let history = earlier;
  const sightings: Sighting[] = [];
  const see = ({ alert, evidence }: Sighting): void => {
    const sight = sighted(history, alert, ruleOf(key.profile, alert), now);
    history = sight.history;
    if (sight.reached) sightings.push({ alert, evidence });
  };

  const secret = secretSighting(key, presented, reason, now);
  if (secret !== null) see(secret);
  const { threshold, withinSeconds } = ruleOf(key.profile, "refusal-burst");
  const burst: Sighting = {
    alert: "refusal-burst",
    evidence: { refusals: threshold, withinSeconds, lastReason: reason },
  };
  const before = sightings.length;
  for (let time = 0; time <= Math.min(more, threshold) && sightings.length === before; time++) see(burst);
  if (ip !== null && FAILURES.has(reason)) {
    history = failedFrom(history, ip, ruleOf(key.profile, "failures-then-success"), now);
  }
  return { history, sightings };
}

/** A secret that should be in nobody's hands any more, or never was in anybody's. */
function secretSighting({ standing }: Key, presented: Digest, reason: string, now: EpochMs): Sighting | null {
  switch (reason) {
    case "wrong-secret":
      return { alert: "unknown-secret", evidence: {} };
    case "key-revoked":
      return standing.revokedAt === null
        ? null
        : { alert: "revoked-secret-used", evidence: { version: standing.version, ...since(standing.revokedAt, now) } };
    case "key-rotated": {
      const secret = standing.retired.find(({ digest }) => sameDigest(presented, digest));
      // One in its grace may have asked for what only its successor may: that is no use of a dead secret.
      if (secret === undefined || secret.validUntil > now) return null;
      return { alert: "retired-secret-used", evidence: { version: secret.version, ...since(secret.validUntil, now) } };
    }
    default:
      return null;
  }
}

/** Whole seconds, rounded down: 0 is the client that had not heard of it yet, 86400 the one who kept it for a day. */
const since = (end: EpochMs, now: EpochMs) => ({
  endedAt: rfc3339(end),
  secondsSinceEnd: Math.floor((now - end) / 1000),
});

/** What is to be seen in the key itself after a step, whatever the step was. */
export function lookAtKey(was: Key, key: Key, now: EpochMs): readonly Sighting[] {
  return [...rotationsSighting(was, key, now), ...counterSighting(key)];
}

function rotationsSighting(was: Key, { profile, standing }: Key, now: EpochMs): readonly Sighting[] {
  const alert = "rapid-rotation";
  const rule = ruleOf(profile, alert);
  if (standing.version === was.standing.version || !isReached(standing.recentRotations, rule, now)) return [];
  return [{ alert, evidence: { rotations: rule.threshold, withinSeconds: rule.withinSeconds } }];
}

/**
 * No admission takes more than there is, so only a fault can have made this: in storage, or in Rekey. What a limit that
 * was lowered later finds already used is no fault, and the state says how much that is.
 */
function counterSighting({ profile, use }: Key): readonly Sighting[] {
  if (profile.quota === null || use.quota === null) return [];
  const { used, carried, excess = 0 } = use.quota;
  const most = profile.quota.limit + carried + excess;
  return used > most ? [{ alert: "counter-above-limit", evidence: { limit: "quota", used, most } }] : [];
}

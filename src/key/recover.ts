import type { Head } from "./chain.ts";
import { change, stopped, type Circumstance } from "./change.ts";
import type { Fresh } from "./create.ts";
import type { Key, Moved, Standing } from "./key.ts";
import { BOUNDS } from "./policy.ts";
import type { EpochMs } from "./time.ts";

/** What the ledger knows of a key. It may know less than the key's object, or, after an object was restored, more. */
export type LedgerView = {
  readonly status: "active" | "suspended" | "revoked" | "purged";
  readonly version: number;
  readonly revision: number;
  readonly revokedAt: EpochMs | null;
  /** The newest event that was ever there; sequence 0 for none. */
  readonly newest: Head;
  /** How many are there. */
  readonly events: number;
  /** Behind which sequence they begin: what is older was deleted for its age. */
  readonly anchor: number;
};

/** Whether the ledger knows of something that the key does not: then the key's storage is a copy from an earlier time. */
export const knowsMore = ({ newest, version, revision, status }: LedgerView, { standing }: Key): boolean =>
  newest.sequence > standing.sequence ||
  // A note that the key has made since may have taken the number of the change that it forgot.
  revision > standing.revision ||
  version > standing.version ||
  (status === "revoked" && standing.revokedAt === null);

/**
 * Brings a key forward that was restored to an earlier time: never back, and never to more than it may do now.
 *
 * What was revoked is revoked. A secret that had been replaced is dead for good: one that nobody was ever given takes its
 * place, so that resuming the key cannot revive it. A key that has lost a change stops, because what was changed (scopes,
 * addresses, an end) is not known here any more; somebody has to look at the record and rotate or resume it. Sequence,
 * revision and version go on behind the highest that anybody has seen.
 */
export function recover(key: Key, view: LedgerView, fresh: Fresh, circumstance: Circumstance): Moved {
  const { now } = circumstance;
  const { standing } = key;
  const sequence = Math.max(standing.sequence, view.newest.sequence);
  const replaced = view.version > standing.version;
  const revoked = view.status === "revoked" && standing.revokedAt === null;
  const stops = revoked || replaced || view.revision > standing.revision;

  const base = stops ? stopped(key, now) : key;
  const successor = replaced ? successorOf(base.standing, view.version + 1, fresh, now) : {};
  const stop =
    stops && standing.revokedAt === null
      ? revoked
        ? { revokedAt: view.revokedAt ?? now }
        : // Who stopped it may be what was lost: only an operator lifts it.
          { suspendedAt: standing.suspendedAt ?? now, suspendedBy: "operator" as const }
      : {};
  const changed = change(
    { ...base, standing: { ...base.standing, sequence } },
    { ...successor, ...stop },
    "key.recovered",
    circumstance,
    {
      sequence: { before: standing.sequence, after: sequence },
      ...(replaced && { version: { before: standing.version, after: view.version + 1 } }),
    },
  );
  if (!replaced) return changed;
  const use = { ...changed.key.use, admittedWithSecret: 0, rotationAnnounced: false };
  return { ...changed, key: { ...changed.key, use } };
}

function successorOf(standing: Standing, version: number, { secret }: Fresh, now: EpochMs): Partial<Standing> {
  const former = { version: standing.version, digest: standing.secret.digest, validUntil: now };
  return {
    version,
    secret,
    retired: [former, ...standing.retired].slice(0, BOUNDS.retiredSecrets),
    rotatedAt: now,
  };
}

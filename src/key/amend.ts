import { change, unchanged, type Circumstance } from "./change.ts";
import { carryOver } from "./carry-over.ts";
import type { Key, Profile, RetiredSecret, Step } from "./key.ts";
import { endOf } from "./lifetime.ts";
import type { JsonValue } from "./policy.ts";
import type { EpochMs } from "./time.ts";

/** The fields that people may change, each replaced whole. A field that is absent stays as it is. */
export type Amendment = Partial<
  Pick<
    Profile,
    | "name"
    | "scopes"
    | "allowedIps"
    | "quota"
    | "rateLimits"
    | "rotation"
    | "maxConcurrent"
    | "selfRotate"
    | "suspicion"
    | "metadata"
    | "boundary"
  > & {
    readonly expiresAt: EpochMs | null;
  }
>;

export type AmendCommand = {
  readonly amendment: Amendment;
  /** The revision the caller last saw; `null` amends whatever holds. */
  readonly expectedRevision: number | null;
};

export type Amended =
  { readonly done: true } | { readonly done: false; readonly because: "precondition-failed" | "key-revoked" };

/**
 * Changes what people have set. An expired key may be amended, and a later end revives it; a revoked one may not.
 *
 * What has been used is kept as far as it still means something: an amendment is not a way to refill by accident.
 */
export function amend(key: Key, command: AmendCommand, circumstance: Circumstance): Step<Amended> {
  const { amendment, expectedRevision } = command;
  const { standing, profile } = key;
  const { on = "operator" } = circumstance;
  // A precondition is judged before anything else (RFC 9110 section 13.2.1).
  if (expectedRevision !== null && expectedRevision !== standing.revision) {
    return unchanged(key, { done: false, because: "precondition-failed" });
  }
  if (standing.revokedAt !== null) return unchanged(key, { done: false, because: "key-revoked" });

  const { expiresAt = standing.expiresAt, ...fields } = amendment;
  const amended: Profile = { ...profile, ...fields };
  const detail = differences({ ...profile, expiresAt: standing.expiresAt }, { ...amended, expiresAt });
  // What an operator says again of an end that somebody else has set is an operator's from then on.
  const isFixed = profile.kind === "token" || standing.endSetAt !== null;
  const isTakenOver =
    amendment.expiresAt !== undefined && on === "operator" && isFixed && standing.operatorsEnd !== expiresAt;
  if (detail === null && !isTakenOver) return unchanged(key, { done: true });

  const retired = endedBy(standing.retired, endOf(key), circumstance.now);
  const changed = change(
    key,
    {
      expiresAt,
      endSetAt: amendment.expiresAt === undefined ? standing.endSetAt : circumstance.now,
      operatorsEnd: amendment.expiresAt === undefined || on !== "operator" ? standing.operatorsEnd : expiresAt,
      retired: endedBy(retired, expiresAt, null),
    },
    "key.amended",
    circumstance,
    detail ?? { operatorsEnd: { before: standing.operatorsEnd, after: expiresAt } },
  );
  return {
    key: carryOver(changed.key, amended, circumstance.now),
    events: changed.events,
    answer: { done: true },
  };
}

/** Each changed field with what it was and what it is; `null` when nothing changed. */
function differences(was: object, is: object): { readonly [field: string]: JsonValue } | null {
  const before = was as { [field: string]: JsonValue };
  const changed = Object.entries(is as { [field: string]: JsonValue }).filter(
    ([field, value]) => JSON.stringify(value) !== JSON.stringify(before[field]),
  );
  if (changed.length === 0) return null;
  return Object.fromEntries(changed.map(([field, value]) => [field, { before: before[field] ?? null, after: value }]));
}

/**
 * A secret in its grace dies with the key's end at the latest, and does not come back when the key is revived.
 * @param now `null`: the end counts even if it has not come yet.
 */
function endedBy(
  retired: readonly RetiredSecret[],
  end: EpochMs | null,
  now: EpochMs | null,
): readonly RetiredSecret[] {
  if (end === null || (now !== null && now < end)) return retired;
  if (retired.every(({ validUntil }) => validUntil <= end)) return retired;
  return retired.map((secret) => (secret.validUntil > end ? { ...secret, validUntil: end } : secret));
}

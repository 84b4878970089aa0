import type { Admission } from "./admission.ts";
import { allowanceOf, type Allowance } from "./allowance.ts";
import { crowdRefusal, holderOf, reachRefusal, rotationRefusal, takeChange, takePace, takeQuota } from "./checks.ts";
import type { Explanation } from "./explain.ts";
import { followPolicy } from "./follow-policy.ts";
import type { Holder, Identity } from "./identity.ts";
import { standingRefusal, type Key, type Step, type Use } from "./key.ts";
import type { Fresh } from "./create.ts";
import type { Random } from "./base62.ts";
import { withoutRepeat } from "./receipt.ts";
import type { Refusal } from "./refusal.ts";
import { openReservation, type ReservationId } from "./reservation.ts";
import type { EpochMs } from "./time.ts";
import { countAdmission } from "./usage.ts";

/** `at` is the instant of the decision by the object's clock; every instant in the verdict compares with it. */
export type Verdict =
  | {
      readonly admitted: true;
      readonly at: EpochMs;
      readonly identity: Identity;
      readonly allowance: Allowance;
      readonly reservation: { readonly id: ReservationId; readonly expiresAt: EpochMs } | null;
      /** Only where it was asked for. */
      readonly explanation?: Explanation;
      /** The successor, handed to exactly this request because its policy says so. */
      readonly newKey: string | null;
    }
  | {
      readonly admitted: false;
      readonly at: EpochMs;
      readonly refusal: Refusal;
      readonly explanation?: Explanation;
      readonly identity: Identity | null;
      /** Told when pace or allowance refused. */
      readonly allowance: Allowance | null;
    };

/**
 * Decides one request and spends what it costs, in a single step.
 *
 * The order is the promise: identity, then standing, then reach, then pace, then allowance. Allowance comes last
 * because it is the only thing that cannot be given back. A request refused for any reason spends nothing at all.
 */
export function admit(key: Key, request: Admission, now: EpochMs, { mint, random }: Chance): Step<Verdict> {
  const holder = holderOf(key, request, now);
  const refuse = (refusal: Refusal, allowance: Allowance | null = null): Step<Verdict> => {
    const identity = "identity" in holder ? holder.identity : null;
    return { key, events: [], answer: { admitted: false, at: now, refusal, identity, allowance } };
  };

  if ("refusal" in holder) return refuse(holder.refusal);
  const barrier = standingRefusal(key, now) ?? rotationRefusal(key, now) ?? reachRefusal(key, request);
  if (barrier !== null) return refuse(barrier);
  const crowd = crowdRefusal(key, request);
  if (crowd !== null) return refuse(crowd, allowanceOf(key, now));
  const pace = takePace(key, request.cost, now);
  if (!pace.ok) return refuse(pace.refusal, allowanceOf(key, now));
  const changes = takeChange(key, request, now);
  if (!changes.ok) return refuse(changes.refusal, allowanceOf(key, now));
  const quota = takeQuota(key, request.cost, now);
  if (!quota.ok) return refuse(quota.refusal, allowanceOf(key, now));

  const counted = count(key, request, holder, { rateLimits: pace.next, quota: quota.next, ...changes.next }, now);
  const answer: Verdict = {
    admitted: true,
    at: now,
    identity: holder.identity,
    allowance: allowanceOf(counted, now),
    reservation: null,
    newKey: null,
  };
  if (request.dryRun) return { key, events: [], answer };

  const held = request.reserve ? openReservation(key.profile, request.cost, quota.next, random, now) : null;
  const holding = held === null ? counted : { ...counted, reservations: new Map(key.reservations).set(held.id, held) };
  const by = {
    actor: key.profile.id,
    requestId: request.requestId ?? "",
    ip: request.ip,
    userAgent: null,
    country: request.call?.country ?? null,
  };
  const moved = followPolicy(holding, holder.current, mint, { now, by, reason: null });
  const reservation = held === null ? null : { id: held.id, expiresAt: held.expiresAt };
  const identity = withEnd(holder.identity, moved.key.standing.expiresAt);
  return { key: moved.key, events: moved.events, answer: { ...answer, identity, reservation, newKey: moved.newKey } };
}

/** The identity with the key's end as it is after the admission, which may have let a session slide. */
const withEnd = (identity: Identity, expiresAt: EpochMs | null): Identity =>
  identity.details === null || identity.details.expiresAt === expiresAt
    ? identity
    : { ...identity, details: { ...identity.details, expiresAt } };

/** What an admission may need that no rule can make: a successor, if it is the one that gets it, and a random id. */
export type Chance = { readonly mint: () => Fresh; readonly random: Random };

/** The key after an admission, as far as every admission changes it. */
function count(
  key: Key,
  { cost, call }: Admission,
  { current, identity }: Extract<Holder, { current: boolean }>,
  taken: Pick<Use, "rateLimits" | "quota" | "controlChanges">,
  now: EpochMs,
): Key {
  const { use, receipts } = key;
  return {
    ...key,
    use: {
      ...use,
      ...taken,
      newest: now,
      lastUsedAt: now,
      admitted: use.admitted + 1,
      units: use.units + cost,
      hour: countAdmission(use.hour, cost, call?.route ?? null, now),
      // A secret in its grace counts for nothing.
      admittedWithSecret: use.admittedWithSecret + (current ? 1 : 0),
      newestAdmitted: Math.max(use.newestAdmitted, identity.version),
    },
    // Whoever uses the new secret has it, so its answer need not be repeated to anybody any more.
    receipts: current ? withoutRepeat(receipts) : receipts,
  };
}

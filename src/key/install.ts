import { change, endGraces, type Circumstance } from "./change.ts";
import type { Fresh } from "./create.ts";
import type { Key, RetiredSecret, Step } from "./key.ts";
import { BOUNDS } from "./policy.ts";
import { remember, type Idempotency } from "./receipt.ts";
import { stamped } from "./stamps.ts";
import { after, rfc3339, type EpochMs } from "./time.ts";

/** A rotation that took place, now or at the call that this one repeats. */
export type Rotated = {
  readonly done: true;
  readonly credential: string;
  readonly retired: { readonly version: number; readonly validUntil: EpochMs };
};

/**
 * Retires the current secret and puts a fresh one in its place, in one step and keeping every counter. The one way in
 * which a secret is replaced, whoever asked for it.
 */
export function install(
  key: Key,
  graceSeconds: number,
  idempotency: Idempotency | null,
  { credential, secret, sealing }: Fresh,
  circumstance: Circumstance,
): Step<Rotated> {
  const { now } = circumstance;
  const { version, expiresAt, retired: before } = key.standing;
  const validUntil = earlier(after(now, graceSeconds * 1000), expiresAt);
  const former: RetiredSecret = { version, digest: key.standing.secret.digest, validUntil };
  const others = graceSeconds === 0 ? endGraces(before, now) : before;
  const retired = [former, ...others];
  // Digests are kept of so many. A grace that ends because of that ends early, and the event says which.
  const ended = retired.slice(BOUNDS.retiredSecrets).find((each) => each.validUntil > now);
  const successor = version + 1;
  const changed = change(
    key,
    {
      version: successor,
      secret,
      retired: retired.slice(0, BOUNDS.retiredSecrets),
      rotatedAt: now,
      recentRotations: stamped(key.standing.recentRotations, now, BOUNDS.recentRotations),
    },
    "key.rotated",
    circumstance,
    {
      version: { before: version, after: successor },
      hint: { before: key.standing.secret.hint, after: secret.hint },
      retiredValidUntil: validUntil,
      ...(ended !== undefined && { graceEnded: { version: ended.version, validUntil: rfc3339(ended.validUntil) } }),
    },
  );
  return {
    key: {
      ...changed.key,
      use: { ...changed.key.use, admittedWithSecret: 0, rotationAnnounced: false },
      receipts: remember(key.receipts, idempotency, { credential, version: successor }, now, sealing),
    },
    events: changed.events,
    answer: { done: true, credential, retired: { version, validUntil } },
  };
}

const earlier = (at: EpochMs, end: EpochMs | null): EpochMs => (end !== null && end < at ? end : at);

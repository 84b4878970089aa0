import type { Admission } from "../../src/key/admission.ts";
import { admit, type Chance, type Verdict } from "../../src/key/admit.ts";
import type { Circumstance } from "../../src/key/change.ts";
import { create, type Creation, type Fresh } from "../../src/key/create.ts";
import type { KeyId } from "../../src/key/credential.ts";
import { digestOf } from "../../src/key/digest.ts";
import type { By } from "../../src/key/event.ts";
import type { Key, Profile, Secret, Step } from "../../src/key/key.ts";
import { rotate, type RotateCommand, type Rotation } from "../../src/key/rotate.ts";
import type { QuotaPeriod, QuotaRule, RateLimitRule, RotationRule } from "../../src/key/policy.ts";
import type { Peppers } from "../../src/key/seal.ts";
import { ALERTS, USUAL_SUSPICION, type Suspicion } from "../../src/key/suspicion-policy.ts";
import { epochMs, type EpochMs } from "../../src/key/time.ts";

/** So many seconds into the tests' own epoch: Thursday 2026-01-01T00:00:00Z. Milliseconds are fractions. */
export const t = (seconds: number): EpochMs => epochMs(Date.UTC(2026, 0, 1) + Math.round(seconds * 1000));

/** A secret that stands for a credential of this text. */
export const secretOf = (text: string): Secret => ({ digest: digestOf(text), hint: `…${text.slice(-4)}`, pepper: "a" });

/** Three secrets, and one that nobody ever had. */
export const [FIRST, SECOND, THIRD, NOBODYS] = ["first", "second", "third", "nobody's"].map(secretOf) as [
  Secret,
  Secret,
  Secret,
  Secret,
];

export const admin: By = { actor: "admin", requestId: "req_1", ip: null, userAgent: null, country: null };

/** Asked by the admin at this instant, without a reason. */
export const at = (now: EpochMs): Circumstance => ({ now, by: admin, reason: null });

export const aProfile = (profile: Partial<Profile> = {}): Profile => ({
  id: "key_0000000000000000" as KeyId,
  name: "a key",
  owner: null,
  kind: "token",
  environment: "test",
  prefix: "rk_test",
  createdAt: t(0),
  scopes: [],
  allowedIps: null,
  quota: null,
  rateLimits: [],
  lifetimeSeconds: null,
  maxLifetimeSeconds: null,
  idleSeconds: null,
  rotation: null,
  maxConcurrent: null,
  reserveSeconds: 300,
  onReservationTimeout: "charge",
  selfRotate: true,
  suspicion: null,
  metadata: {},
  boundary: null,
  ...profile,
});

/** The peppers under which tests seal. */
const PEPPER = { id: "a", secret: new TextEncoder().encode("a pepper of the tests") };
export const PEPPERS: Peppers = { signing: PEPPER, all: [PEPPER] };

/** What a mint hands over with a secret: here the text by which a test calls it. */
export const freshly = (secret: Secret, credential = `credential ${secret.hint}`): Fresh => ({
  credential,
  secret,
  sealing: { random: (bytes) => bytes.fill(7), peppers: PEPPERS },
});

/** Creates a key with a secret of the test's own. */
export const createWith = (
  profile: Profile,
  expiresAt: EpochMs | null,
  secret: Secret,
  circumstance: Circumstance,
): Step<Creation> => create(profile, { expiresAt, ownerOrder: null, idempotency: null }, freshly(secret), circumstance);

/** Rotates to a secret of the test's own. */
export const rotateWith = (
  key: Key,
  command: Omit<RotateCommand, "idempotency">,
  secret: Secret,
  circumstance: Circumstance,
): Step<Rotation> => rotate(key, { ...command, idempotency: null }, freshly(secret), circumstance);

/** A key that was just created with the secret `FIRST`. A test names the one thing that matters to it. */
export function aKey({ expiresAt = null, ...profile }: Partial<Profile> & { expiresAt?: EpochMs | null } = {}): Key {
  return createWith(aProfile(profile), expiresAt, FIRST, at(t(0))).key;
}

export const aQuota = (limit: number, period: QuotaPeriod = "day", quota: Partial<QuotaRule> = {}): QuotaRule => ({
  limit,
  period,
  timezone: "UTC",
  refill: "reset",
  cap: null,
  ...quota,
});

/** Rules under which nothing about a key's use is suspicious, for tests of something else. */
export const UNSUSPICIOUS: Suspicion = Object.fromEntries(
  ALERTS.map((alert) => [alert, { ...USUAL_SUSPICION[alert], off: true }]),
);

export const aWindow = (limit: number, windowSeconds: number, name = "burst"): RateLimitRule => ({
  name,
  algorithm: "window",
  limit,
  windowSeconds,
  unit: "request",
});

export const aSliding = (limit: number, windowSeconds: number, name = "sliding"): RateLimitRule => ({
  ...aWindow(limit, windowSeconds, name),
  algorithm: "sliding",
});

export const aBucket = (limit: number, windowSeconds: number, burst = limit, name = "bucket"): RateLimitRule => ({
  ...aWindow(limit, windowSeconds, name),
  algorithm: "bucket",
  burst,
});

export const aRotation = (rotation: Partial<RotationRule>): RotationRule => ({
  afterUses: null,
  afterSeconds: null,
  mode: "require",
  graceSeconds: 0,
  ...rotation,
});

/** An ordinary request: one unit, no demands, from nowhere in particular. */
export const aRequest = (secret: Secret = FIRST, request: Partial<Admission> = {}): Admission => ({
  presented: secret.digest,
  cost: 1,
  scopes: [],
  anyScope: [],
  ip: null,
  dryRun: false,
  ...request,
});

/** What an admission may need by chance, the same each time: a successor with this secret, and bytes that are all 7. */
export const chance = (successor: Secret = SECOND): Chance => ({
  mint: () => freshly(successor),
  random: (bytes) => bytes.fill(7),
});

/** Decides a request; should the policy issue a successor, it is `SECOND`. */
export const admitWith = (key: Key, request: Admission, now: EpochMs): Step<Verdict> =>
  admit(key, request, now, chance());

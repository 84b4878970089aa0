import type { EpochMs } from "./time.ts";

/**
 * What a key may do and for how long: the rules people set, and the bounds within which they may set them.
 *
 * The control API judges every field against `BOUNDS` and the shapes below before anything is stored, so the rules
 * themselves never meet a value outside them.
 */

/** A quota: so many units in a period. */
export type QuotaRule = {
  readonly limit: number;
  readonly period: QuotaPeriod;
  /** IANA name of the zone whose calendar the periods follow; without meaning for `none` and even periods. */
  readonly timezone: string;
  /** Whether what is left at the end of a period is lost (`reset`) or carried over (`add`), up to `cap` in all. */
  readonly refill: "reset" | "add";
  /** The most that can be available at once with `add`, at least `limit`; `null` with `reset`. */
  readonly cap: number | null;
};

/** `none` is a balance that never refills; an even period counts from its anchor, before and after it. */
export type QuotaPeriod = (typeof QUOTA_PERIODS)[number] | EvenPeriod;
export const QUOTA_PERIODS = ["none", "hour", "day", "week", "month"] as const;
export type EvenPeriod = { readonly everySeconds: number; readonly anchor: EpochMs };

export const REFILLS = ["reset", "add"] as const;

/** A rate limit: how fast. `unit`: a request counts 1 whatever it costs, or what it costs. */
export type RateLimitRule = WindowRule | SlidingRule | BucketRule;
export type Rate = {
  readonly name: string;
  readonly limit: number;
  readonly windowSeconds: number;
  readonly unit: "request" | "cost";
};
/** So many in a window that its first request opens. */
export type WindowRule = Rate & { readonly algorithm: "window" };
/** So many in any span of this length, by an exact log. */
export type SlidingRule = Rate & { readonly algorithm: "sliding" };
/** At most `burst` at once, drained evenly at `limit` per window. */
export type BucketRule = Rate & { readonly algorithm: "bucket"; readonly burst: number };

/** Fields that mean something to some algorithms only. */
export type RateLimitOption = "burst";
export const RATE_LIMIT_UNITS = ["request", "cost"] as const;

/** When a secret is due to be replaced, and what happens then. At least one of the two is set. */
export type RotationRule = {
  /** After so many admissions with it. */
  readonly afterUses: number | null;
  /** After so many seconds of being the current one. */
  readonly afterSeconds: number | null;
  /** `require`: nothing is admitted until it is rotated. `issue`: the admission that crosses the line gets the successor. */
  readonly mode: "require" | "issue";
  /** How long the replaced secret stays admissible, in seconds; at least `BOUNDS.issueGraceSeconds` with `issue`. */
  readonly graceSeconds: number;
};

export const ROTATION_MODES = ["require", "issue"] as const;

/** What becomes of a reservation that nobody settles in time. */
export type ReservationTimeout = (typeof RESERVATION_TIMEOUTS)[number];
export const RESERVATION_TIMEOUTS = ["charge", "release"] as const;
export const DEFAULT_RESERVE_SECONDS = 300;

/** `token`: ends at a fixed instant. `session`: use extends its life, at most once an hour and never past its cap. */
export type Kind = (typeof KINDS)[number];
export const KINDS = ["token", "session"] as const;

/** How often a key may rotate itself: enough for every honest retry, too little to flood its history. */
export const SELF_ROTATE_LIMIT: RateLimitRule = {
  name: "self-rotate",
  algorithm: "window",
  limit: 5,
  windowSeconds: 60,
  unit: "request",
};

/** How often a control key may change something: every change writes to the key that it is about, and to the ledger. */
export const controlChangesLimit = (limit: number): RateLimitRule => ({
  ...SELF_ROTATE_LIMIT,
  name: "control-changes",
  limit,
});

/** How often a key may read itself, or be revoked once more: it is asked of the same object as every admission. */
export const SELF_LIMIT: RateLimitRule = { ...SELF_ROTATE_LIMIT, name: "self", limit: 120 };

export const ENVIRONMENTS = ["live", "test"] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

/**
 * How far a control key reaches with the keys that it makes, amends, credits or rotates. A ceiling that is `null`, or a
 * list of limits that is empty, is none.
 */
export type Boundary = {
  /** What covers every scope that its keys hold, those of control keys too. */
  readonly grantable: readonly string[];
  readonly environments: readonly Environment[] | null;
  /** So many units in a period: no key may have more, and none may have them in a shorter period. */
  readonly quota: QuotaCeiling | null;
  /** Each is matched by a limit of the key that lets through no more. */
  readonly rateLimits: readonly RateLimitRule[];
  readonly maxConcurrent: number | null;
  /** The longest life of a key, from its creation to its end, in seconds. */
  readonly lifetimeSeconds: number | null;
};

export type QuotaCeiling = { readonly limit: number; readonly period: (typeof QUOTA_PERIODS)[number] };

/** The name under which the quota appears among the limits; no rate limit may have it. */
export const QUOTA_NAME = "quota";

/** Every bound of the contract, inclusive. Lengths are Unicode code points unless the name says bytes. */
export const BOUNDS = {
  bodyBytes: 64 * 1024,
  nameLength: 128,
  labelLength: 128,
  reasonLength: 256,
  metadataBytes: 4 * 1024,
  /** How deep objects and lists may lie in metadata, itself included: RPC gives up on a few thousand levels. */
  metadataDepth: 32,
  /** Questions in one batch of verifications. */
  batch: 100,
  scopes: 64,
  allowedIps: 64,
  rateLimits: 8,
  limit: 1e12,
  windowSeconds: 366 * 24 * 60 * 60,
  graceSeconds: 30 * 24 * 60 * 60,
  lifetimeSeconds: 100 * 366 * 24 * 60 * 60,
  retiredSecrets: 32,
  everySeconds: 366 * 24 * 60 * 60,
  /** Stamps that all sliding limits of a key may need together. */
  slidingStamps: 1_000,
  /** Burst × window in milliseconds: up to here every level of a bucket is an exact integer. */
  bucketTicks: 2 ** 53,
  /** A session lives longer than this, because that is how often it may slide. */
  sessionSeconds: 60 * 60,
  issueGraceSeconds: 60,
  reserveSeconds: 24 * 60 * 60,
  openReservations: 1_000,
  maxConcurrent: 10_000,
  /** Sightings that make an alert: their instants are kept. */
  alertThreshold: 1_000,
  /** Rotations that make one: their instants are kept in storage. */
  recentRotations: 32,
  alertWithinSeconds: 24 * 60 * 60,
  /** An alert is a row in the object and two in the ledger: nobody may be able to cause one for each request. */
  leastQuietSeconds: 60,
  quietSeconds: 30 * 24 * 60 * 60,
} as const;

/** What `owner`, limit names and environments look like. They travel in headers and paths. */
export const LABEL = /^[A-Za-z0-9._:@-]{1,128}$/;

/** Metadata: a JSON object that Rekey carries and never reads. */
export type Metadata = { readonly [name: string]: JsonValue };
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

/**
 * What a key may do and for how long: the rules people set, and the bounds within which they may set them.
 *
 * The control API judges every field against `BOUNDS` and the shapes below before anything is stored, so the rules
 * themselves never meet a value outside them.
 */

/** A quota: so many units in a period. `none` is a balance that never refills. Periods are calendar periods in UTC. */
export type QuotaRule = {
  readonly limit: number;
  readonly period: QuotaPeriod;
  readonly timezone: "UTC";
};

export const QUOTA_PERIODS = ["none", "hour", "day", "week", "month"] as const;
export type QuotaPeriod = (typeof QUOTA_PERIODS)[number];

/** A rate limit: so many requests in a window that its first request opens. */
export type RateLimitRule = {
  readonly name: string;
  readonly algorithm: "window";
  readonly limit: number;
  readonly windowSeconds: number;
  readonly unit: "request";
};

export const RATE_LIMIT_ALGORITHMS = ["window"] as const;
export const RATE_LIMIT_UNITS = ["request"] as const;

/** How often a key may rotate itself: enough for every honest retry, too little to flood its history. */
export const SELF_ROTATE_LIMIT: RateLimitRule = {
  name: "self-rotate",
  algorithm: "window",
  limit: 5,
  windowSeconds: 60,
  unit: "request",
};

export const ENVIRONMENTS = ["live", "test"] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

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
} as const;

/** What `owner`, limit names and environments look like. They travel in headers and paths. */
export const LABEL = /^[A-Za-z0-9._:@-]{1,128}$/;

/** Metadata: a JSON object that Rekey carries and never reads. */
export type Metadata = { readonly [name: string]: JsonValue };
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

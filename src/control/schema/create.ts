import * as z from "zod/mini";
import { BOUNDS, DEFAULT_RESERVE_SECONDS, ENVIRONMENTS, KINDS, RESERVATION_TIMEOUTS } from "../../key/policy.ts";
import { instant, isObject, label, metadata, name, orNull, prefix, whole, withDefault } from "./fields.ts";
import { boundary } from "./boundary.ts";
import { allowedIps, maxConcurrent, quota, rateLimits, rotation, scopes } from "./policy.ts";
import { keyRecord } from "./record.ts";
import { suspicion } from "./suspicion.ts";

/** Where a key's object may live: Cloudflare's location hints. */
const REGIONS = ["wnam", "enam", "weur", "eeur", "apac", "oc", "afr", "me", "sam"] as const;

export const createBody = z.lazy(() =>
  z
    .strictObject({
      name,
      owner: orNull(label),
      kind: withDefault(z.enum(KINDS), "token"),
      environment: withDefault(z.enum(ENVIRONMENTS), "live"),
      prefix: z.optional(prefix),
      region: z.optional(z.enum(REGIONS)),
      lifetimeSeconds: z.optional(whole(1, BOUNDS.lifetimeSeconds)),
      expiresAt: orNull(instant),
      maxLifetimeSeconds: orNull(whole(1, BOUNDS.lifetimeSeconds)),
      idleSeconds: orNull(whole(1, BOUNDS.lifetimeSeconds)),
      scopes: withDefault(scopes, []),
      allowedIps: orNull(allowedIps),
      quota: orNull(quota),
      rateLimits: withDefault(rateLimits, []),
      rotation: orNull(rotation),
      maxConcurrent: orNull(maxConcurrent),
      reserveSeconds: withDefault(whole(1, BOUNDS.reserveSeconds), DEFAULT_RESERVE_SECONDS),
      onReservationTimeout: withDefault(z.enum(RESERVATION_TIMEOUTS), "charge"),
      selfRotate: withDefault(z.boolean(), true),
      suspicion: orNull(suspicion),
      metadata: withDefault(metadata, {}),
      boundary: orNull(boundary),
    })
    .check(
      // All run on a body that is faulty elsewhere, so that everything wrong with it is told at once.
      z.refine(({ lifetimeSeconds, expiresAt }) => (lifetimeSeconds ?? null) === null || (expiresAt ?? null) === null, {
        path: ["lifetimeSeconds"],
        error: "must not be given together with expiresAt",
        when: ({ value }) => isObject(value),
      }),
      z.refine(({ kind, lifetimeSeconds }) => kind !== "session" || Number(lifetimeSeconds) > BOUNDS.sessionSeconds, {
        path: ["lifetimeSeconds"],
        error: `is needed for a session, and must be more than ${BOUNDS.sessionSeconds}: a session slides once an hour`,
        when: ({ value }) => isObject(value),
      }),
      z.refine(({ kind, maxLifetimeSeconds }) => kind === "session" || (maxLifetimeSeconds ?? null) === null, {
        path: ["maxLifetimeSeconds"],
        error: "is for sessions only: a token's end is fixed anyway",
        when: ({ value }) => isObject(value),
      }),
      z.refine(({ lifetimeSeconds, maxLifetimeSeconds }) => !((maxLifetimeSeconds ?? NaN) < (lifetimeSeconds ?? NaN)), {
        path: ["maxLifetimeSeconds"],
        error: "must not be below lifetimeSeconds",
        when: ({ value }) => isObject(value),
      }),
      z.refine(({ expiresAt }) => typeof expiresAt !== "string" || !(Date.parse(expiresAt) <= Date.now()), {
        path: ["expiresAt"],
        error: "must be in the future",
        when: ({ value }) => isObject(value),
      }),
    ),
);

/** A key that was just issued, with its text, which is shown this once. */
export const issuedKey = z.lazy(() => z.strictObject({ key: z.string(), record: keyRecord }));

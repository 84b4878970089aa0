import type { Use } from "../key/key.ts";
import { packRateLimit, unpackRateLimit } from "../key/rate-limit.ts";
import type { PackedRateLimit } from "../key/rate-limit-algorithms.ts";

/** The counters as they are stored. They are written with every commit, so they should be small. */
export type PackedUse = Omit<Use, "rateLimits"> & { readonly rateLimits: readonly PackedRateLimit[] };

export const packUse = (use: Use): PackedUse => ({ ...use, rateLimits: use.rateLimits.map(packRateLimit) });

export const unpackUse = (use: PackedUse): Use => ({ ...use, rateLimits: use.rateLimits.map(unpackRateLimit) });

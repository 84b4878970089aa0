import type { Use } from "../key/key.ts";
import type { RateLimitState } from "../key/rate-limit.ts";
import { epochMs } from "../key/time.ts";

/**
 * The counters as they are stored. They are written with every commit, so they should be small: of a sliding limit's
 * stamps only the first is a whole instant, each other the distance from the one before it.
 */
export type PackedUse = Omit<Use, "rateLimits"> & { readonly rateLimits: readonly PackedState[] };

type Sliding = Extract<RateLimitState, { algorithm: "sliding" }>;
type PackedState = Exclude<RateLimitState, Sliding> | { readonly algorithm: "sliding"; readonly distances: number[] };

export const packUse = (use: Use): PackedUse => ({ ...use, rateLimits: use.rateLimits.map(pack) });

export const unpackUse = (use: PackedUse): Use => ({ ...use, rateLimits: use.rateLimits.map(unpack) });

function pack(state: RateLimitState): PackedState {
  if (state?.algorithm !== "sliding") return state;
  let before = 0;
  const distances = state.stamps.map((stamp) => {
    const distance = stamp - before;
    before = stamp;
    return distance;
  });
  return { algorithm: "sliding", distances };
}

function unpack(state: PackedState): RateLimitState {
  if (state?.algorithm !== "sliding") return state;
  let before = 0;
  return { algorithm: "sliding", stamps: state.distances.map((distance) => epochMs((before += distance))) };
}

import type { RateLimitRule } from "./policy.ts";
import type { RateLimitAlgorithm } from "./rate-limit-algorithm.ts";
import { bucketLimit } from "./rate-limit-bucket.ts";
import { slidingLimit } from "./rate-limit-sliding.ts";
import { windowLimit } from "./rate-limit-window.ts";

/** The algorithms by their names. Does not compile while a rule names one that is not here. */
export const ALGORITHMS = {
  window: windowLimit,
  sliding: slidingLimit,
  bucket: bucketLimit,
} satisfies { readonly [Name in RateLimitRule["algorithm"]]: object };

export type AlgorithmName = keyof typeof ALGORITHMS;
type Algorithm = (typeof ALGORITHMS)[AlgorithmName];

type StateOf<Of> = Of extends RateLimitAlgorithm<infer _Rule, infer State, infer _Packed> ? State : never;
type PackedOf<Of> = Of extends RateLimitAlgorithm<infer _Rule, infer _State, infer Packed> ? Packed : never;

/** Where a rate limit stands, by its algorithm. `null`: nothing was ever taken. */
export type RateLimitState = StateOf<Algorithm> | null;

/** The same as it is stored. */
export type PackedRateLimit = PackedOf<Algorithm> | null;

type AnyAlgorithm = RateLimitAlgorithm<RateLimitRule, NonNullable<RateLimitState>, NonNullable<PackedRateLimit>>;

/**
 * The algorithm of a rule, a state or a packed state. Whoever calls it hands it only what has its name: the compiler
 * cannot follow a name from one value to another, so it is said here, once.
 */
export const algorithmOf = ({ algorithm }: { readonly algorithm: AlgorithmName }): AnyAlgorithm =>
  ALGORITHMS[algorithm] as unknown as AnyAlgorithm;

import type { Rate, RateLimitOption } from "./policy.ts";
import type { EpochMs } from "./time.ts";

/**
 * Everything there is to say about one way to limit a rate. `rate-limit-algorithms.ts` has one value of this type for
 * each algorithm that a rule may name, and nothing else in the product knows an algorithm by its name.
 *
 * @template Rule the rule as it is kept, all options filled in.
 * @template State what is remembered between requests, and replaced whole. `null` stands for: nothing was ever taken.
 * @template Packed the state as it is stored. It is written with every commit, so it should be small.
 */
export type RateLimitAlgorithm<Rule extends Rate, State, Packed = State> = {
  /** What people are told of it, in one line of the contract. */
  readonly summary: string;
  /** The optional fields that mean something to this algorithm. A rule that names another one is refused. */
  readonly options: readonly RateLimitOption[];
  /** The rule as it is kept: the options that were not given have their defaults. */
  readonly complete: (rule: Rule) => Rule;
  /** What is wrong with a rule although each of its fields is within its bounds; `null`: nothing. */
  readonly fault: (rule: Rule) => RuleFault | null;
  /** How many instants its state may hold. The sum over the rules of a key is bounded. */
  readonly stamps: (rule: Rule) => number;
  /** The most that fits at once, in units: what is above it never fits, however long one waits. */
  readonly most: (rule: Rule) => number;
  /** The state after taking `amount` units, or the instant at which they would fit. */
  readonly take: (rule: Rule, state: State | null, amount: number, now: EpochMs) => State | EpochMs;
  /** What is left, without taking anything. `resetsAt` is `null` when nothing is taken at the moment. */
  readonly read: (rule: Rule, state: State | null, now: EpochMs) => RateReading;
  /** The state for a rule that takes the place of `rule` at `now`: what has drained, has drained by the old one. */
  readonly advance: (rule: Rule, state: State, now: EpochMs) => State;
  readonly pack: (state: State) => Packed;
  readonly unpack: (packed: Packed) => State;
};

export type RuleFault = { readonly option: RateLimitOption; readonly message: string };

export type RateReading = { readonly remaining: number; readonly resetsAt: EpochMs | null };

/** What an algorithm says that keeps its rule and its state as they are. */
export const PLAIN = {
  options: [],
  complete: <Rule>(rule: Rule): Rule => rule,
  fault: () => null,
  stamps: () => 0,
  advance: <State>(_rule: unknown, state: State): State => state,
  pack: <State>(state: State): State => state,
  unpack: <State>(packed: State): State => packed,
} as const;

import type { ProblemExplanation } from "../control/schema/problem.ts";

/** Why a call was refused: the closed list of `/_rekey/docs#codes`. */
export type Code = ProblemExplanation["code"];

/**
 * Why there is no value: a refusal by Rekey, told apart by `code`, or no answer at all.
 *
 * A refusal with a 4xx status changed nothing. After `unavailable` and `no-answer` it is not known whether a change was
 * made; the client has then already repeated the call as often as that is safe.
 */
export type Problem = { readonly [C in Code]: Refusal<C> }[Code] | NoAnswer;

type Refusal<C extends Code> = {
  readonly code: C;
  readonly status: number;
  /** The code in words, always the same ones. */
  readonly title: string;
  /** What is particular to this occurrence. */
  readonly detail?: string;
  /** Names the request in the deployment's logs and events. */
  readonly requestId: string;
  /** After how many seconds to try again; `null` where waiting does not help. */
  readonly retryAfterSeconds: number | null;
} & (C extends keyof Members ? Members[C] : unknown);

/** What particular codes say beyond that. */
type Members = {
  /** Everything that is wrong with the request. */
  "invalid-request": { readonly errors?: readonly { readonly path: string; readonly message: string }[] };
  /** The version that holds. */
  "version-conflict": { readonly currentVersion: number };
  /** The name of the limit that refused. */
  "rate-limited": { readonly limit: string };
  "quota-exceeded": { readonly limit: string };
  "cost-exceeds-limit": { readonly limit: string };
};

/** Nothing that Rekey says came back: the network failed, time ran out, or somebody on the way answered instead. */
export type NoAnswer = {
  readonly code: "no-answer";
  /** The status of whoever answered instead; `null` if nobody did. */
  readonly status: number | null;
  readonly title: string;
  /** What was thrown, if anything was. */
  readonly cause: unknown;
  readonly retryAfterSeconds: null;
};

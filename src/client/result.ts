import type { Problem } from "./problem.ts";

/** What a call comes to. Refusals are values: a caller decides by `problem.code` and cannot forget that there are any. */
export type Result<Value> = Success<Value> | Failure;

export type Success<Value> = {
  readonly ok: true;
  readonly value: Value;
  readonly status: number;
  /** Names the request in the deployment's logs and events. */
  readonly requestId: string;
};

export type Failure = {
  readonly ok: false;
  readonly problem: Problem;
  /**
   * The `Idempotency-Key` of the call, where one was sent. Whoever keeps it can make the same call again later, in
   * another process too, and gets the answer that was lost (for ten minutes, until the new secret is first used).
   */
  readonly idempotencyKey: string | null;
};

/** The value, for scripts that end at the first refusal; throws a `RekeyError` instead of giving a `Failure`. */
export function valueOf<Value>(result: Result<Value>): Value {
  if (result.ok) return result.value;
  throw new RekeyError(result);
}

export class RekeyError extends Error {
  override readonly name = "RekeyError";
  readonly problem: Problem;
  readonly idempotencyKey: string | null;

  constructor({ problem, idempotencyKey }: Failure) {
    const errors = "errors" in problem ? problem.errors?.map(({ path, message }) => `${path} ${message}`.trim()) : [];
    const why = [problem.title, "detail" in problem ? problem.detail : undefined, ...(errors ?? [])];
    super(`${problem.code}: ${why.filter(Boolean).join(" ")}`, "cause" in problem ? { cause: problem.cause } : {});
    this.problem = problem;
    this.idempotencyKey = idempotencyKey;
  }
}

import type { NoAnswer, Problem } from "./problem.ts";
import type { Result } from "./result.ts";

export type ClientOptions = {
  /** Where the deployment is, as `https://api.example.com`. */
  readonly url: string;
  /** How often a call is made at most, where making it again is safe. Default 4. */
  readonly attempts?: number;
  /** How long one attempt may take, in milliseconds. Default 10,000: Rekey itself gives up after 5,000. */
  readonly timeoutMs?: number;
  /** Instead of the global `fetch`: a service binding's, for example. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
};

/** What may be said with any call. */
export type CallOptions = {
  /** Ends the call early. It then rejects with the signal's reason; whether anything was changed is not known. */
  readonly signal?: AbortSignal;
};

/** With a call that is recognised when it is made again. */
export type RepeatableOptions = CallOptions & {
  /**
   * A version 4 UUID, or as many random bits in another form: whoever has it can have the secret again. Made up if
   * absent; give one that you keep, if the call must be settled even when this process dies.
   */
  readonly idempotencyKey?: string;
};

/**
 * Whether a call whose answer is missing is made again.
 * `freely`: it changes nothing, or nothing more when it is made twice. `by-key`: Rekey recognises it by its
 * `Idempotency-Key` and answers as it did before. `never`: it would spend, or undo, a second time.
 */
export type Repeat = "freely" | "by-key" | "never";

export type Call = CallOptions & {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below `/_rekey/v1`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly repeat: Repeat;
  /** Only heeded with `by-key`; made up if it is absent. */
  readonly idempotencyKey?: string;
};

/** Makes a call on a credential's authority, and makes it again where that is safe and the answer is missing. */
export type Send = <Value>(call: Call) => Promise<Result<Value>>;

const ATTEMPTS = 4;
const TIMEOUT_MS = 10_000;

/** The longest wait before the second attempt, in milliseconds; doubles with every further one, up to `LONGEST_MS`. */
const FIRST_WAIT_MS = 250;
const LONGEST_MS = 8_000;

export function sender(options: ClientOptions, credential: string): Send {
  const { attempts = ATTEMPTS } = options;
  return async <Value>(call: Call): Promise<Result<Value>> => {
    // One header for all attempts: that is what makes them one call.
    const idempotencyKey = call.repeat === "by-key" ? (call.idempotencyKey ?? crypto.randomUUID()) : null;
    for (let attempt = 1; ; attempt++) {
      const answer = await once(options, credential, call, idempotencyKey);
      if (answer.ok) return { ...answer, value: answer.value as Value };
      const { problem } = answer;
      if (call.repeat === "never" || attempt >= attempts || !isUnsettled(problem)) {
        return { ok: false, problem, idempotencyKey };
      }
      await wait(waitMs(attempt, problem), call.signal);
    }
  };
}

/** Whether the call may not have been carried out, through nobody's fault. */
const isUnsettled = ({ code }: Problem): boolean =>
  code === "no-answer" || code === "unavailable" || code === "ledger-unavailable";

/** Random up to twice as much each time, so that clients which failed together do not come back together. */
function waitMs(attempt: number, { retryAfterSeconds }: Problem): number {
  const least = Math.min((retryAfterSeconds ?? 0) * 1000, LONGEST_MS);
  return Math.max(least, Math.random() * Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_MS));
}

type Attempt =
  | { readonly ok: true; readonly value: unknown; readonly status: number; readonly requestId: string }
  | { readonly ok: false; readonly problem: Problem };

async function once(
  { url, timeoutMs = TIMEOUT_MS, fetch: ask = fetch }: ClientOptions,
  credential: string,
  { method, path, query = {}, body, headers = {}, signal }: Call,
  idempotencyKey: string | null,
): Promise<Attempt> {
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    const response = await ask(`${url.replace(/\/+$/, "")}/_rekey/v1${path}${queryOf(query)}`, {
      method,
      headers: {
        ...headers,
        authorization: `Bearer ${credential}`,
        ...(idempotencyKey !== null && { "idempotency-key": idempotencyKey }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // Whoever redirects is not Rekey, and must not get the credential.
      redirect: "manual",
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    });
    return read(response, await response.text());
  } catch (cause) {
    signal?.throwIfAborted();
    return { ok: false, problem: noAnswer(null, cause) };
  }
}

function queryOf(query: NonNullable<Call["query"]>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? "" : `?${given.toString()}`;
}

function read(response: Response, text: string): Attempt {
  const { status } = response;
  const requestId = response.headers.get("rekey-request-id");
  const type = response.headers.get("content-type") ?? "";
  // Somebody on the way may answer too; only Rekey names the request.
  if (requestId === null) return { ok: false, problem: noAnswer(status, undefined) };
  if (status === 204) return { ok: true, value: null, status, requestId };
  if (type.startsWith("application/json")) return { ok: true, value: JSON.parse(text), status, requestId };
  if (!type.startsWith("application/problem+json")) return { ok: false, problem: noAnswer(status, undefined) };
  const retryAfter = response.headers.get("retry-after");
  const retryAfterSeconds = retryAfter === null ? null : Number(retryAfter);
  return { ok: false, problem: { ...(JSON.parse(text) as Problem), retryAfterSeconds } as Problem };
}

const noAnswer = (status: number | null, cause: unknown): NoAnswer => ({
  code: "no-answer",
  status,
  title: status === null ? "Rekey did not answer." : `Something that is not Rekey answered ${status}.`,
  cause,
  retryAfterSeconds: null,
});

/** Resolves after the time, or rejects with the signal's reason as soon as it is given. */
function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

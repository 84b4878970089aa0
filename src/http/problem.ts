import { CODES, type Code } from "./codes.ts";

/** What a problem document may say beside its code. */
export type ProblemOptions = {
  readonly requestId: string;
  /** What is particular to this occurrence; never what the caller must not know. */
  readonly detail?: string;
  /** Members of the document beyond the standard ones, as `currentVersion`. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Another status than the code's own: some codes answer 409 about a control call's target. */
  readonly status?: number;
};

/** A refusal as a problem document (RFC 9457). Never cached, always with the request's id, never with a stack. */
export function problem(code: Code, options: ProblemOptions): Response {
  const { title } = CODES[code];
  const status = options.status ?? CODES[code].status;
  const { requestId, detail, members } = options;
  // RFC 6750 section 3.1: a request without any credentials gets no error code.
  const challenge = code === "missing-credentials" ? "Bearer" : 'Bearer error="invalid_token"';
  const headers = {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "rekey-request-id": requestId,
    ...(status === 401 && { "www-authenticate": challenge }),
    ...(status === 503 && { "retry-after": "1" }),
    ...options.headers,
  };
  const document = { type: `/_rekey/problems/${code}`, title, status, code, requestId, ...(detail && { detail }) };
  return new Response(JSON.stringify({ ...document, ...members }), { status, headers });
}

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
  const headers = new Headers({
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "rekey-request-id": requestId,
    ...options.headers,
  });
  if (status === 401 && !headers.has("www-authenticate")) {
    // RFC 6750 section 3.1: a request without any credentials gets no error code.
    headers.set("www-authenticate", code === "missing-credentials" ? "Bearer" : 'Bearer error="invalid_token"');
  }
  if (status === 503 && !headers.has("retry-after")) headers.set("retry-after", "1");
  const document = { type: `/_rekey/problems/${code}`, title, status, code, requestId, ...(detail && { detail }) };
  return new Response(JSON.stringify({ ...document, ...members }), { status, headers });
}

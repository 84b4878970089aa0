import { setLimitHeaders } from "../http/limit-headers.ts";
import { problem } from "../http/problem.ts";
import type { Allowance } from "../key/allowance.ts";
import { redact } from "../key/credential.ts";
import type { EpochMs } from "../key/time.ts";
import { awaitFirstByte, type FirstByte } from "./first-byte.ts";
import { HOP_HEADER } from "./hop.ts";
import type { Destination } from "./origin.ts";
import { rewriteRequestHeaders, type Provenance } from "./request-headers.ts";
import { NEW_KEY_HEADER } from "../http/new-key.ts";
import { rewriteResponseHeaders } from "./response-headers.ts";
import { COST_HEADER } from "./settle-cost.ts";

/** An admitted request on its way: what is said about it to the origin, and about the decision to the client. */
export type Passage = {
  readonly destination: Destination;
  readonly provenance: Provenance;
  readonly hop: string;
  /** How long the origin may stay silent once it has the whole request. */
  readonly timeoutMs: number;
  readonly decision: string | null;
  readonly allowance: Allowance;
  readonly at: EpochMs;
  /** The key's next secret, handed to this client and nobody else. */
  readonly newKey: string | null;
  /** Hears what the origin says the request cost, and answers with what is left then, if that is not as it was. */
  readonly settle: ((stated: string | null) => Promise<Allowance | null>) | null;
  /** Aborted when the exchange must end. */
  readonly cut: AbortSignal | null;
};

/**
 * Sends an admitted request on and passes the answer back, both streamed. Status, body and cookies are the origin's;
 * redirects are passed on and not followed, and no cache stands in between: what the origin says to one key must
 * never be said to another.
 *
 * The answer is `null` if the exchange was cut before the origin's began.
 */
export async function forward(request: Request, passage: Passage): Promise<Response | null> {
  const { destination, provenance, hop, timeoutMs, settle, cut } = passage;
  const { requestId } = provenance;
  const { method, headers } = request;
  const upload = request.body === null || !mayHaveBody(method) ? null : watched(request.body, headers);
  // A GET may have a body, but only a copy of one that has: by name the runtime would not let it be given.
  const copied = upload === null ? request : { method, headers, body: upload.body };
  const outgoing = new Request(destination.url, copied);
  rewriteRequestHeaders(outgoing.headers, provenance);
  outgoing.headers.set(HOP_HEADER, hop);

  const answer = await awaitFirstByte(timeoutMs, upload?.sent ?? null, cut, (signal) =>
    destination.fetcher.fetch(outgoing, { redirect: "manual", cache: "no-store", signal }),
  );
  if (!answer.arrived && answer.because === "cut") return null;
  const stated = answer.arrived ? answer.response.headers.get(COST_HEADER) : null;
  const settled = settle === null ? null : await settle(stated);
  const response = answer.arrived ? passedOn(answer.response, requestId) : unanswered(answer, requestId);
  sayDecision(response.headers, settled === null ? passage : { ...passage, allowance: settled });
  return response;
}

/** What an admitted client is told of the decision, whatever came of the request behind it. */
export function sayDecision(
  headers: Headers,
  { decision, newKey, allowance, at }: Pick<Passage, "decision" | "newKey" | "allowance" | "at">,
): void {
  if (decision !== null) headers.set("rekey-decision", decision);
  if (newKey !== null) {
    headers.set(NEW_KEY_HEADER, newKey);
    // Not even a cache of the client's own may keep a secret.
    headers.set("cache-control", "private, no-store");
  }
  setLimitHeaders(headers, allowance, at);
}

/** The origin's answer, as the client may have it. */
function passedOn(answer: Response, requestId: string): Response {
  if (answer.status < 200 || answer.status > 599) {
    console.warn({ message: "the origin answered with an impossible status", requestId, status: answer.status });
    return problem("origin-unreachable", { requestId });
  }
  const response = new Response(answer.body, answer);
  rewriteResponseHeaders(response.headers);
  response.headers.set("rekey-request-id", requestId);
  return response;
}

function unanswered({ because, cause }: Extract<FirstByte, { arrived: false }>, requestId: string): Response {
  if (because === "body-broken") return problem("invalid-request", { requestId, detail: "The body broke off." });
  const code = because === "timeout" ? "origin-timeout" : "origin-unreachable";
  console.warn({ message: code, requestId, cause: redact(String(cause)) });
  return problem(code, { requestId });
}

const mayHaveBody = (method: string): boolean => method !== "GET" && method !== "HEAD";

/**
 * The same body, and a promise that tells when all of it has been read.
 *
 * workerd ends a piped body that broke off as if it were whole, and the origin would keep half an upload for all of it.
 * So whoever waits for `sent` must abort the fetch when it rejects; `preventAbort` keeps the pipe from being faster.
 */
function watched(body: ReadableStream, headers: Headers): { body: ReadableStream; sent: Promise<void> } {
  const length = headers.get("content-length");
  // With a known length the origin sees Content-Length as the client sent it, otherwise chunks.
  const through = length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
  return { body: through.readable, sent: body.pipeTo(through.writable, { preventAbort: true }) };
}

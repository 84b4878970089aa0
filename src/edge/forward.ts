import { problem } from "../http/problem.ts";
import { sayAdmission, type Told } from "../http/say-admission.ts";
import type { Allowance } from "../key/allowance.ts";
import { redact } from "../key/credential.ts";
import type { RouteRule } from "../routing/rule.ts";
import { BodyLimit } from "./body-limit.ts";
import { answerWith, type Cargo } from "./cargo.ts";
import { awaitFirstByte, type FirstByte } from "./first-byte.ts";
import { HOP_HEADER } from "./hop.ts";
import type { Destination } from "./origin.ts";
import type { Outcome } from "./outcome.ts";
import { rewriteRequestHeaders, type Provenance } from "./request-headers.ts";
import { rewriteResponseHeaders } from "./response-headers.ts";
import { COST_HEADER } from "./settle-cost.ts";
import { isWebSocket } from "./websocket.ts";

/** What the client is told of the decision; `null` where there was none. */
export type Said = { readonly decision: string | null; readonly admission: Told } | null;

/** A request on its way: what is said about it to the origin, and about the decision to the client. */
export type Passage = {
  readonly destination: Destination;
  readonly provenance: Provenance;
  readonly hop: string;
  /** How long the origin may stay silent once it has the whole request. */
  readonly timeoutMs: number;
  readonly said: Said;
  /** Hears what came of the request, and answers with what is left then, if that is not as it was. */
  readonly settle: ((outcome: Outcome) => Promise<Allowance | null>) | null;
  /** Takes over what the origin's answer brings, and gives what the client gets of it; `null`: the exchange was cut. */
  readonly carry: (answer: Response) => Cargo | Promise<Cargo | null>;
  /** What its route says of the bodies on both ways. */
  readonly rule: Pick<RouteRule, "cacheable" | "maxBodyBytes">;
  /** By which the exchange is ended, before its answer has begun or after. */
  readonly ending: AbortController;
  /** Hears of a body that is on its way to the origin, and when that is over. */
  readonly uploading: ((sent: Promise<void>) => void) | null;
};

/**
 * Sends an admitted request on and passes the answer back, both streamed. Status, body and cookies are the origin's;
 * redirects are passed on and not followed, and no cache stands in between: what the origin says to one key must
 * never be said to another.
 *
 * The answer is `null` if the exchange was cut before the origin's began.
 */
export async function forward(request: Request, passage: Passage): Promise<Response | null> {
  const { destination, provenance, hop, timeoutMs, said, rule, settle, ending, uploading } = passage;
  const { requestId } = provenance;
  const { method, headers } = request;
  const upload = request.body === null || !mayHaveBody(method) ? null : watched(request.body, headers, rule);
  // A GET may have a body, but only a copy of one that has: by name the runtime would not let it be given.
  const copied = upload === null ? request : { method, headers, body: upload.body };
  const outgoing = new Request(destination.url, copied);
  rewriteRequestHeaders(outgoing.headers, provenance);
  outgoing.headers.set(HOP_HEADER, hop);
  // Whether it may is decided before: here is nobody left to ask.
  const isUpgrade = isWebSocket(headers);
  if (isUpgrade) outgoing.headers.set("upgrade", "websocket");

  if (upload !== null) uploading?.(upload.sent);
  const fetching = (signal: AbortSignal) => destination.fetcher.fetch(outgoing, { ...AS_IT_IS, signal });
  const follower = isUpgrade ? follow(ending.signal) : null;
  const answer = await awaitFirstByte(timeoutMs, upload?.sent ?? null, fetching, follower?.controller ?? ending);
  // A WebSocket is closed in words, by whoever relays it: a fetch that is aborted would break it off.
  if (answer.arrived && answer.response.status === 101) follower?.leave();
  if (!answer.arrived && answer.because === "cut") return null;
  const settled = settle === null ? null : await settle(outcomeOf(answer));
  const response = answer.arrived ? await passedOn(answer.response, passage) : unanswered(answer, requestId, upload);
  if (response === null) return null;
  sayDecision(
    response.headers,
    settled === null || said === null ? said : { ...said, admission: { ...said.admission, allowance: settled } },
  );
  return response;
}

/** No redirect followed, no cache between, and a body's encoding neither taken off nor put on. */
const AS_IT_IS = { redirect: "manual", cache: "no-store", encodeResponseBody: "manual" } as const;

/** Tells it, whatever came of the request behind the decision. */
export function sayDecision(headers: Headers, said: Said): void {
  if (said === null) return;
  if (said.decision !== null) headers.set("rekey-decision", said.decision);
  sayAdmission(headers, said.admission);
}

function outcomeOf(answer: FirstByte): Outcome {
  if (answer.arrived) {
    const { status, headers } = answer.response;
    return { stated: headers.get(COST_HEADER), failed: status >= 500 ? "5xx" : null };
  }
  const failures = { timeout: "timeout", unreachable: "5xx", "body-broken": null, cut: null } as const;
  return { stated: null, failed: failures[answer.because] };
}

/** The origin's answer, as the client may have it; `null`: the exchange was cut. */
async function passedOn(answer: Response, { provenance, carry, rule }: Passage): Promise<Response | null> {
  const { requestId } = provenance;
  const { status, webSocket } = answer;
  const isPossible = status === 101 ? webSocket !== null : status >= 200 && status <= 599;
  if (!isPossible) {
    console.warn({ message: "the origin answered with an impossible status", requestId, status });
    return problem("origin-unreachable", { requestId });
  }
  const cargo = await carry(answer);
  if (cargo === null) return null;
  const response = answerWith(cargo, answer);
  rewriteResponseHeaders(response.headers, rule.cacheable);
  response.headers.set("rekey-request-id", requestId);
  return response;
}

function unanswered(
  { because, cause }: Extract<FirstByte, { arrived: false }>,
  requestId: string,
  upload: Upload | null,
): Response {
  if (upload?.limit?.exceeded) return problem("payload-too-large", { requestId });
  if (because === "body-broken") return problem("invalid-request", { requestId, detail: "The body broke off." });
  const code = because === "timeout" ? "origin-timeout" : "origin-unreachable";
  console.warn({ message: code, requestId, cause: redact(String(cause)) });
  return problem(code, { requestId });
}

const mayHaveBody = (method: string): boolean => method !== "GET" && method !== "HEAD";

/** A controller that is aborted with this signal until it leaves it. */
function follow(signal: AbortSignal): { readonly controller: AbortController; readonly leave: () => void } {
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  return { controller, leave: () => signal.removeEventListener("abort", abort) };
}

type Upload = { readonly body: ReadableStream; readonly sent: Promise<void>; readonly limit: BodyLimit | null };

/**
 * The same body, and a promise that tells when all of it has been read.
 *
 * workerd ends a piped body that broke off as if it were whole, and the origin would keep half an upload for all of it.
 * So whoever waits for `sent` must abort the fetch when it rejects; `preventAbort` keeps the pipe from being faster.
 */
function watched(body: ReadableStream, headers: Headers, { maxBodyBytes }: Passage["rule"]): Upload {
  const length = headers.get("content-length");
  // With a known length the origin sees Content-Length as the client sent it, otherwise chunks.
  const through = length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
  // A length that is said was judged before.
  const limit = length === null && maxBodyBytes !== null ? new BodyLimit(maxBodyBytes) : null;
  const read = limit === null ? body : body.pipeThrough(limit.through);
  return { body: through.readable, sent: read.pipeTo(through.writable, { preventAbort: true }), limit };
}

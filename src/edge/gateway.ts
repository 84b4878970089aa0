import type { Config, Env } from "../env.ts";
import { carriesCredential } from "../http/credential-in-url.ts";
import { problem } from "../http/problem.ts";
import { readCredential } from "../http/read-credential.ts";
import { refusalResponse } from "../http/refusal-response.ts";
import type { Admission } from "../key/admission.ts";
import { isTagged, redact } from "../key/credential.ts";
import { digestOf } from "../key/digest.ts";
import type { Keyholder } from "./attachment.ts";
import { enter, holdUntilSent, whyCut } from "./exchange.ts";
import { forward, sayDecision, type Passage } from "./forward.ts";
import { hasBeenHere, hopMark } from "./hop.ts";
import { destinationOf } from "./origin.ts";
import type { Target } from "./path.ts";
import { faultOfFraming } from "./framing.ts";
import { settleCost } from "./settle-cost.ts";

/** What a path asks of a key. */
export type RouteRule = {
  readonly cost: number;
  readonly scopes: readonly string[];
  /** Units to hold instead of the cost, until the origin says in `Rekey-Cost` what the request really cost. */
  readonly reserve?: number;
};

/** The rule of every path that no rule names: a valid key, one unit, no scope. */
const UNNAMED: RouteRule = { cost: 1, scopes: [] };

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
const ALLOW = [...METHODS].join(", ");

/** A request for the gateway, with everything that was found out about it on the way in. */
export type GatewayCall = {
  readonly env: Env;
  readonly config: Config;
  readonly requestId: string;
  readonly target: Extract<Target, { ok: true }>;
  /** Absent: that of every path that no rule names. */
  readonly rule?: RouteRule;
};

/**
 * Lets a request through to the origin only if its key's object admits it now. Remembers nothing between requests.
 *
 * Whatever can be refused without asking anybody is refused first, and nothing that could still fail for a reason of
 * the request's own comes after the key's object has spent a unit on it.
 */
export async function gateway(request: Request, call: GatewayCall): Promise<Response> {
  const { env, config, requestId, target, rule = UNNAMED } = call;
  const { headers, method } = request;
  if (!METHODS.has(method)) return problem("method-not-allowed", { requestId, headers: { allow: ALLOW } });
  // Before the credential is looked for: on a second turn there is none any more.
  if (hasBeenHere(headers, config)) {
    const detail = "The gateway's origin is the gateway itself. Set ORIGIN_URL or the binding ORIGIN.";
    return problem("misconfigured", { requestId, detail });
  }
  if (isWebSocket(headers)) return problem("websocket-not-allowed", { requestId });
  if (carriesCredential(target.path) || carriesCredential(target.query)) {
    return problem("credentials-in-url", { requestId });
  }

  const reading = readCredential(headers, config.credentialHeaders);
  if (!reading.ok) return problem(reading.code, { requestId });
  const { credential } = reading;
  if (!isTagged(credential, config.peppers)) return problem("invalid-key", { requestId });
  // Behind the tag, because reading every header costs more than refusing a forgery.
  const framing = faultOfFraming(request);
  if (framing !== null) return problem(framing.code, { requestId, detail: framing.detail });

  const [scheme, host] = authorityOf(request.url);
  const found = destinationOf({ scheme, host, path: target.path, query: target.query }, env, config);
  if (!found.ok) return problem(found.code, { requestId, detail: found.detail });

  const clientIp = headers.get("cf-connecting-ip");
  const { cost, scopes, reserve } = rule;
  const holder = { env, config, keyId: credential.keyId };
  const admission: Admission = {
    presented: digestOf(credential.text),
    cost: reserve ?? cost,
    reserve: reserve !== undefined,
    scopes,
    anyScope: [],
    ip: clientIp,
    viaGateway: true,
    requestId,
    dryRun: false,
  };
  const asked = await enter(holder, admission);
  if (!asked.answered) return problem("unavailable", { requestId });
  const { verdict, attachment } = asked.answer;
  const { decision } = verdict;
  if (!verdict.admitted) return refusalResponse(verdict, { requestId, decision, scopes });

  const { reservation } = verdict;
  const passage: Passage = {
    destination: found.destination,
    provenance: { credential, identity: verdict.identity, requestId, clientIp, scheme, host },
    hop: hopMark(config),
    timeoutMs: config.originTimeoutMs,
    decision,
    allowance: verdict.allowance,
    at: verdict.at,
    newKey: verdict.newKey ?? null,
    settle: reservation
      ? (stated) => settleCost(holder, { id: reservation.id, reserved: admission.cost }, stated)
      : null,
    cut: attachment?.cut ?? null,
  };
  const answer = (await passOn(request, passage)) ?? (await cutShort(holder, admission, requestId));
  return attachment === null ? answer : holdUntilSent(answer, attachment);
}

/**
 * What comes of an admitted request: the origin's answer, or why there is none; `null` if the exchange was cut before.
 * Whatever happens behind an admission, the client hears of the admission itself: a secret that was handed out with it
 * must not be lost in silence.
 */
async function passOn(request: Request, passage: Passage): Promise<Response | null> {
  const { requestId } = passage.provenance;
  try {
    return await forward(request, passage);
  } catch (cause) {
    console.error({ message: "an admitted request could not be passed on", requestId, cause: redact(String(cause)) });
    const unavailable = problem("unavailable", { requestId });
    sayDecision(unavailable.headers, passage);
    return unavailable;
  }
}

/** The answer to a request whose key ended while the origin was still at it. */
async function cutShort(holder: Keyholder, admission: Admission, requestId: string): Promise<Response> {
  const verdict = await whyCut(holder, admission);
  if (verdict === null) return problem("unavailable", { requestId });
  return refusalResponse(verdict, { requestId, decision: verdict.decision, scopes: admission.scopes });
}

const isWebSocket = (headers: Headers): boolean => /\bwebsocket\b/i.test(headers.get("upgrade") ?? "");

/** Scheme and host of a URL that is known to have a path. */
function authorityOf(url: string): readonly [scheme: string, host: string] {
  const schemeEnd = url.indexOf("://");
  return [url.slice(0, schemeEnd), url.slice(schemeEnd + 3, url.indexOf("/", schemeEnd + 3))];
}

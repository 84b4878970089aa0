import type { Config, Env } from "../env.ts";
import { askKey } from "../http/ask-key.ts";
import { carriesCredential } from "../http/credential-in-url.ts";
import { problem } from "../http/problem.ts";
import { readCredential } from "../http/read-credential.ts";
import { refusalResponse } from "../http/refusal-response.ts";
import { isTagged } from "../key/credential.ts";
import { digestOf } from "../key/digest.ts";
import { forward } from "./forward.ts";
import { hasBeenHere, hopMark } from "./hop.ts";
import { destinationOf } from "./origin.ts";
import type { Target } from "./path.ts";
import { faultOfFraming } from "./framing.ts";

/** What a path asks of a key. */
export type RouteRule = { readonly cost: number; readonly scopes: readonly string[] };

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
};

/**
 * Lets a request through to the origin only if its key's object admits it now. Remembers nothing between requests.
 *
 * Whatever can be refused without asking anybody is refused first, and nothing that could still fail for a reason of
 * the request's own comes after the key's object has spent a unit on it.
 */
export async function gateway(request: Request, { env, config, requestId, target }: GatewayCall): Promise<Response> {
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
  const { cost, scopes } = UNNAMED;
  const asked = await askKey(env, config, credential.keyId, (key) =>
    key.admit({ presented: digestOf(credential.text), cost, scopes, anyScope: [], ip: clientIp, dryRun: false }),
  );
  if (!asked.answered) return problem("unavailable", { requestId });
  const verdict = asked.answer;
  const { decision } = verdict;
  if (!verdict.admitted) return refusalResponse(verdict, { requestId, decision, scopes });

  return forward(request, {
    destination: found.destination,
    provenance: { credential, identity: verdict.identity, requestId, clientIp, scheme, host },
    hop: hopMark(config),
    timeoutMs: config.originTimeoutMs,
    decision,
    allowance: verdict.allowance,
    at: verdict.at,
  });
}

const isWebSocket = (headers: Headers): boolean => /\bwebsocket\b/i.test(headers.get("upgrade") ?? "");

/** Scheme and host of a URL that is known to have a path. */
function authorityOf(url: string): readonly [scheme: string, host: string] {
  const schemeEnd = url.indexOf("://");
  return [url.slice(0, schemeEnd), url.slice(schemeEnd + 3, url.indexOf("/", schemeEnd + 3))];
}

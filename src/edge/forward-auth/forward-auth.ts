import type { Config } from "../../env.ts";
import { isOneOf } from "../../http/is-one-of.ts";
import { problem } from "../../http/problem.ts";
import { sayAdmission } from "../../http/say-admission.ts";
import { shielded } from "../../http/shield.ts";
import type { Identity } from "../../key/identity.ts";
import { forwardedMethods } from "../../routing/match.ts";
import { METHODS, type RouteRule } from "../../routing/rule.ts";
import { admitted, urlFault, type Arriving } from "../admission.ts";
import { canonicalTargetOf, rawPathOf, type Target } from "../path.ts";
import { ruleOf } from "../route.ts";
import { IDENTITY_HEADERS, identityHeaders } from "../request-headers.ts";
import { askedFor, PROXIES, refusalFor, type AskedFor } from "./proxies.ts";

/** Where proxies ask; behind it the proxy's name, and for those that make the very same call its path. */
export const FORWARD_AUTH_PATH = "/_rekey/v1/forward-auth/";

/** A proxy's question, as it arrived. */
export type Question = Pick<Arriving, "env" | "config" | "requestId" | "target">;

/**
 * Whether a request is a proxy's question: it carries the token, or asks where questions are asked, whatever its token.
 * It is answered with a decision or refused, and with nothing else: a proxy that appends the client's path to its own
 * would take any other page's 200 for its leave, and one whose token was just replaced would go on believing it.
 *
 * @param url as it was sent, because dots in it lead elsewhere.
 */
export const isQuestion = (url: string, headers: Headers, config: Pick<Config, "proxyToken">): boolean =>
  config.proxyToken !== null &&
  (rawPathOf(url).path.startsWith(FORWARD_AUTH_PATH) || carriesProxyToken(headers, config));

function carriesProxyToken(headers: Headers, { proxyToken }: Pick<Config, "proxyToken">): boolean {
  const token = headers.get("rekey-proxy-token");
  return token !== null && proxyToken !== null && isOneOf([proxyToken], token);
}

/**
 * Decides for those who keep their own proxy: one decision, four ways of asking and of hearing the answer.
 *
 * Off unless REKEY_PROXY_TOKEN is set. A proxy proves itself with it before its word on URI, method and client address
 * is taken; without it anybody could ask about any address.
 */
export async function forwardAuth(request: Request, question: Question): Promise<Response> {
  const { config, requestId } = question;
  if (config.proxyToken === null) return problem("not-found", { requestId });
  if (!carriesProxyToken(request.headers, config)) {
    return problem("forbidden", { requestId, detail: "Rekey-Proxy-Token is missing or wrong." });
  }
  const asked = canonicalTargetOf(request.url);
  if (!asked.ok) return problem("invalid-path", { requestId, detail: asked.because });
  const isBelow = asked.path.startsWith(FORWARD_AUTH_PATH);
  const [name, ...rest] = isBelow ? asked.path.slice(FORWARD_AUTH_PATH.length).split("/") : [];
  const proxy = PROXIES.find((known) => known === name);
  if (proxy === undefined) {
    return problem("not-found", { requestId, detail: `A proxy asks at ${FORWARD_AUTH_PATH}<${PROXIES.join("|")}>.` });
  }
  const own = { method: request.method, uri: `/${rest.join("/")}${asked.query}` };
  const answer = await answerTo(askedFor(proxy, request.headers, own), request.headers, question);
  return answer.status === 200 ? answer : refusalFor(proxy, answer);
}

async function answerTo(asked: AskedFor, headers: Headers, about: Question): Promise<Response> {
  const { env, config, requestId } = about;
  const { method, uri, clientIp } = asked;
  // Judged as the proxy has it, and forwarded by the proxy as it has it: so it has to have one reading already.
  const target: Target = uri.startsWith("/")
    ? canonicalTargetOf(`https://forward-auth${uri}`)
    : { ok: false, because: "the request target is not a path" };
  if (!target.ok) return problem("invalid-path", { requestId, detail: target.because });
  const rule = ruleOf(config.routes, method, headers, target.path);
  if (rule === null) {
    const allow = forwardedMethods(config.routes, METHODS).join(", ");
    return problem("method-not-allowed", { requestId, headers: { allow } });
  }
  if (rule.deny) return problem("not-found", { requestId });
  const fault = faultUnder(rule, asked, requestId);
  if (fault !== null) return fault;
  if (rule.public) {
    return urlFault(target, config, requestId) ?? new Response(null, { headers: saidOf(null, requestId) });
  }

  const verdict = await admitted({ ...about, target, headers, clientIp, country: null, method }, rule);
  if (verdict instanceof Response) return shielded(env.FAILURES, clientIp, requestId, verdict);

  const said = saidOf(verdict.identity, requestId);
  if (verdict.decision !== null) said.set("rekey-decision", verdict.decision);
  // The proxy's origin settles it through the control API; nobody else sees what the work really cost.
  if (verdict.reservation !== null) said.set("rekey-reservation", verdict.reservation.id);
  sayAdmission(said, verdict);
  return new Response(null, { headers: said });
}

/** What a rule refuses of a request by itself. A body whose length the proxy does not tell could be any. */
function faultUnder(
  { websocket, maxBodyBytes }: RouteRule,
  { method, wantsWebSocket, bodyBytes }: AskedFor,
  requestId: string,
): Response | null {
  if (wantsWebSocket && !websocket) return problem("websocket-not-allowed", { requestId });
  if (maxBodyBytes === null) return null;
  if (bodyBytes === null && (method === "GET" || method === "HEAD")) return null;
  if (bodyBytes !== null && bodyBytes <= maxBodyBytes) return null;
  const unknown = bodyBytes === null ? ", and your proxy does not say how long this one is" : "";
  return problem("payload-too-large", { requestId, detail: `Bodies here may have ${maxBodyBytes} bytes${unknown}.` });
}

/**
 * Who was admitted, as the proxy is to tell its origin. Every name is there, be it empty: a proxy overwrites what a client
 * sent under a name only with something that it hears.
 */
function saidOf(identity: Identity | null, requestId: string): Headers {
  const headers = new Headers(IDENTITY_HEADERS.map((name): [string, string] => [name, ""]));
  headers.set("rekey-request-id", requestId);
  headers.set("cache-control", "no-store");
  if (identity === null) return headers;
  for (const [name, value] of identityHeaders(identity, requestId)) headers.set(name, value);
  return headers;
}

import type { Config, Env } from "../../env.ts";
import { setLimitHeaders } from "../../http/limit-headers.ts";
import { problem } from "../../http/problem.ts";
import { isFailedAuthentication, shielded } from "../../http/shield.ts";
import { digestOf, sameDigest } from "../../key/digest.ts";
import { METHODS, ruleFor } from "../../routes.ts";
import { admissionOf, ask, presentedBy, type Arriving } from "../admission.ts";
import { targetOf } from "../path.ts";
import { identityHeaders } from "../request-headers.ts";
import { askedFor, PROXIES, refusalFor, type Proxy } from "./proxies.ts";

/** Where proxies ask; behind it the proxy's name, and for those that make the very same call its path. */
export const FORWARD_AUTH_PATH = "/_rekey/v1/forward-auth/";

/**
 * Decides for those who keep their own proxy: one decision, four ways of asking and of hearing the answer.
 *
 * Off unless REKEY_PROXY_TOKEN is set. A proxy proves itself with it before its word on URI, method and client address
 * is taken; without it anybody could ask about any address.
 */
export async function forwardAuth(
  request: Request,
  env: Env,
  config: Config,
  requestId: string,
  path: string,
  query: string,
): Promise<Response> {
  const [name = "", ...rest] = path.slice(FORWARD_AUTH_PATH.length).split("/");
  const proxy = PROXIES.find((known) => known === name);
  if (config.proxyToken === null || proxy === undefined) return problem("not-found", { requestId });
  if (!isProxyToken(request.headers.get("rekey-proxy-token"), config.proxyToken)) {
    return problem("forbidden", { requestId, detail: "Rekey-Proxy-Token is missing or wrong." });
  }
  const own = { method: request.method, uri: `/${rest.join("/")}${query}` };
  const answer = await decide(proxy, request, { env, config, requestId }, own);
  return answer.status === 200 ? answer : refusalFor(proxy, answer);
}

async function decide(
  proxy: Proxy,
  request: Request,
  about: Pick<Arriving, "env" | "config" | "requestId">,
  own: { readonly method: string; readonly uri: string },
): Promise<Response> {
  const { env, config, requestId } = about;
  const { method, uri, clientIp } = askedFor(proxy, request.headers, own);
  // An absolute form, or a path that begins with two slashes, must not be taken for a host.
  const target = targetOf(`https://forward-auth${uri.startsWith("/") ? uri : `/${uri}`}`);
  if (!target.ok) return problem("invalid-path", { requestId, detail: target.because });
  const allowed: readonly string[] = METHODS;
  if (!allowed.includes(method)) {
    return problem("method-not-allowed", { requestId, headers: { allow: METHODS.join(", ") } });
  }
  const rule = ruleFor(config.routes, method, target.path);
  if (rule.public) return new Response(null, { headers: { "rekey-request-id": requestId } });

  const arriving: Arriving = { ...about, target, headers: request.headers, clientIp };
  const presented = presentedBy(arriving);
  const verdict = presented.ok
    ? await ask(arriving, presented.credential, admissionOf(rule, presented.credential, arriving))
    : presented.refusal;
  if (verdict instanceof Response) {
    return isFailedAuthentication(verdict) ? shielded(env.FAILURES, clientIp, requestId, verdict) : verdict;
  }

  const headers = new Headers(identityHeaders(verdict.identity, requestId));
  headers.set("cache-control", "no-store");
  if (verdict.decision !== null) headers.set("rekey-decision", verdict.decision);
  if (verdict.newKey !== null) headers.set("rekey-new-key", verdict.newKey);
  // The proxy's origin settles it through the control API; nobody else sees what the work really cost.
  if (verdict.reservation !== null) headers.set("rekey-reservation", verdict.reservation.id);
  setLimitHeaders(headers, verdict.allowance, verdict.at);
  return new Response(null, { headers });
}

/** Compared as digests, so that neither length nor a matching beginning shows in the time it takes. */
const isProxyToken = (presented: string | null, token: string): boolean =>
  presented !== null && sameDigest(digestOf(presented), digestOf(token));

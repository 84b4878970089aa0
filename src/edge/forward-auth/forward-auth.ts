import { isOneOf } from "../../http/is-one-of.ts";
import { problem } from "../../http/problem.ts";
import { sayAdmission } from "../../http/say-admission.ts";
import { shielded } from "../../http/shield.ts";
import type { Identity } from "../../key/identity.ts";
import { isMethod, METHODS, ruleFor } from "../../routes.ts";
import { admitted, type Arriving } from "../admission.ts";
import { targetOf } from "../path.ts";
import { IDENTITY_HEADERS, identityHeaders } from "../request-headers.ts";
import { askedFor, PROXIES, refusalFor, type Proxy } from "./proxies.ts";

/** Where proxies ask; behind it the proxy's name, and for those that make the very same call its path. */
export const FORWARD_AUTH_PATH = "/_rekey/v1/forward-auth/";

/** A proxy's question, as it arrived. */
export type Question = Pick<Arriving, "env" | "config" | "requestId" | "target">;

/**
 * Decides for those who keep their own proxy: one decision, four ways of asking and of hearing the answer.
 *
 * Off unless REKEY_PROXY_TOKEN is set. A proxy proves itself with it before its word on URI, method and client address
 * is taken; without it anybody could ask about any address.
 */
export async function forwardAuth(request: Request, question: Question): Promise<Response> {
  const { config, requestId, target } = question;
  const [name = "", ...rest] = target.path.slice(FORWARD_AUTH_PATH.length).split("/");
  const proxy = PROXIES.find((known) => known === name);
  if (config.proxyToken === null || proxy === undefined) return problem("not-found", { requestId });
  const token = request.headers.get("rekey-proxy-token");
  if (token === null || !isOneOf([config.proxyToken], token)) {
    return problem("forbidden", { requestId, detail: "Rekey-Proxy-Token is missing or wrong." });
  }
  const own = { method: request.method, uri: `/${rest.join("/")}${target.query}` };
  const answer = await answerTo(proxy, request, question, own);
  return answer.status === 200 ? answer : refusalFor(proxy, answer);
}

/**
 * Whether the dots of a path lead out of a question that a proxy asks, and so to another answer than a decision: a
 * proxy that appends the client's path to its own would take the 200 of `forward-auth/envoy/../../../healthz`, or of a
 * path of the gateway, for its leave. The proxy's name is part of it: each is believed in its own words.
 */
export function leadsOut(url: string, path: string): boolean {
  const asked = FORWARD_AUTH_ASKED.exec(url)?.[1];
  return asked !== undefined && path !== asked && !path.startsWith(`${asked}/`);
}

const FORWARD_AUTH_ASKED = /^[^/]*\/\/[^/]*(\/_rekey\/v1\/forward-auth\/[^/?]*)/;

async function answerTo(
  proxy: Proxy,
  request: Request,
  about: Question,
  own: { readonly method: string; readonly uri: string },
): Promise<Response> {
  const { env, config, requestId } = about;
  const { method, uri, clientIp } = askedFor(proxy, request.headers, own);
  // An absolute form, or a path that begins with two slashes, must not be taken for a host.
  const target = targetOf(`https://forward-auth${uri.startsWith("/") ? uri : `/${uri}`}`);
  if (!target.ok) return problem("invalid-path", { requestId, detail: target.because });
  if (!isMethod(method)) return problem("method-not-allowed", { requestId, headers: { allow: METHODS.join(", ") } });
  const rule = ruleFor(config.routes, method, target.path);
  if (rule.public) return new Response(null, { headers: saidOf(null, requestId) });

  const verdict = await admitted({ ...about, target, headers: request.headers, clientIp, country: null, method }, rule);
  if (verdict instanceof Response) return shielded(env.FAILURES, clientIp, requestId, verdict);

  const headers = saidOf(verdict.identity, requestId);
  if (verdict.decision !== null) headers.set("rekey-decision", verdict.decision);
  // The proxy's origin settles it through the control API; nobody else sees what the work really cost.
  if (verdict.reservation !== null) headers.set("rekey-reservation", verdict.reservation.id);
  sayAdmission(headers, verdict);
  return new Response(null, { headers });
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

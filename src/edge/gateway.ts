import type { Config } from "../env.ts";
import { countryOf } from "../http/country.ts";
import { problem } from "../http/problem.ts";
import { shielded } from "../http/shield.ts";
import { forwardedMethods, ruleFor } from "../routing/match.ts";
import { METHODS, type RouteRule } from "../routing/rule.ts";
import { allowReading, isPreflight, preflightResponse } from "./cors.ts";
import { hasBeenHere } from "./hop.ts";
import { passKeyed } from "./keyed.ts";
import { passOpen } from "./open.ts";
import type { Goal } from "./path.ts";
import { routeOf } from "./route.ts";
import type { GatewayCall, RuledCall } from "./way.ts";

/**
 * Lets a request through to the origin if its path's rule lets it: nearly always, only if its key's object admits it
 * now. Nothing that could admit anybody is remembered between requests.
 *
 * Whatever can be refused without asking anybody is refused first, and nothing that could still fail for a reason of
 * the request's own comes after the key's object has spent a unit on it.
 */
export async function gateway(request: Request, call: GatewayCall): Promise<Response> {
  const { env, config, requestId } = call;
  const { headers, method } = request;
  const routed = routeOf(config.routes, method, request.url, call.target);
  if (!routed.ok) {
    const isMethod = routed.code === "method-not-allowed";
    const allow: Record<string, string> = isMethod
      ? { allow: forwardedMethods(config.routes, METHODS).join(", ") }
      : {};
    return problem(routed.code, { requestId, headers: allow, ...(!isMethod && { detail: routed.because }) });
  }
  const { target } = routed;
  // Before the credential is looked for: on a second turn there is none any more.
  if (hasBeenHere(headers, config)) {
    const detail = "The gateway's origin is the gateway itself. Set ORIGIN_URL or the binding ORIGIN.";
    return problem("misconfigured", { requestId, detail });
  }

  const preflight = isPreflight(method, headers);
  const rule = (preflight && ruleAskedFor(config, headers, target)) || routed.rule;
  const { cors } = rule;
  // A preflight of a path without CORS is a request like any other.
  const isAsked = preflight && cors !== null;
  if (isAsked && cors.preflight === "answer") {
    return preflightResponse(cors, rule.methods ?? METHODS, headers, requestId);
  }

  const [scheme, host] = authorityOf(request.url);
  const clientIp = headers.get("cf-connecting-ip");
  const ruled: RuledCall = { ...call, target, rule, scheme, host, clientIp, country: countryOf(request) };
  const needsKey = !rule.public && !isAsked;
  const answer = needsKey
    ? await shielded(env.FAILURES, clientIp, requestId, await passKeyed(request, ruled))
    : await passOpen(request, ruled);
  // What is said of a preflight that is passed on is the origin's.
  if (cors !== null && !isAsked) allowReading(answer.headers, cors, headers.get("origin"));
  return answer;
}

/** The rule of the request that a preflight asks about, if pages of other sites may make it. */
function ruleAskedFor({ routes }: Config, headers: Headers, { path }: Goal): RouteRule | null {
  const rule = ruleFor(routes, headers.get("access-control-request-method")!, path);
  return rule === null || rule.cors === null || rule.deny ? null : rule;
}

/** Scheme and host of a URL that is known to have a path. */
function authorityOf(url: string): readonly [scheme: string, host: string] {
  const schemeEnd = url.indexOf("://");
  return [url.slice(0, schemeEnd), url.slice(schemeEnd + 3, url.indexOf("/", schemeEnd + 3))];
}

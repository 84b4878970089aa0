import { combined, ruleFor } from "../routing/match.ts";
import { opaqueRuleFor } from "../routing/opaque.ts";
import type { RouteRule, RouteTable } from "../routing/rule.ts";
import { rawPathOf, type Goal, type Target } from "./path.ts";

/** The rule of a request and the target that it was judged by, which is forwarded. */
export type Routed =
  | { readonly ok: true; readonly rule: RouteRule; readonly target: Goal }
  | {
      readonly ok: false;
      readonly code: "invalid-path" | "method-not-allowed" | "not-found";
      readonly because: string;
    };

/** Finds the rule that decides about a request, and reads its target as that rule wants it. */
export function routeOf(routes: RouteTable, method: string, url: string, target: Target): Routed {
  const { path: raw, query } = rawPathOf(url);
  const opaque = routes.hasOpaque ? opaqueRuleFor(routes, method, raw) : null;
  if (opaque === "refused") return refuse("invalid-path", "the path has readings that no rule can be held to");
  if (opaque !== null) return permitted(opaque, { ok: true, path: raw, query });
  if (!target.ok) return refuse("invalid-path", target.because);
  const rule = ruleFor(routes, method, target.path);
  return rule === null ? refuse("method-not-allowed", "") : permitted(rule, target);
}

/**
 * The rule of a canonical path for somebody else's proxy, which forwards the client's headers: a method that one of them
 * asks the origin to take for the request's own (as Rails does) is judged as well. Otherwise `POST` would be a way around
 * the rule for `DELETE`. The gateway itself forwards no such header.
 *
 * @returns `null`: no rule lets the method through.
 */
export function ruleOf(routes: RouteTable, method: string, headers: Headers, path: string): RouteRule | null {
  const rule = ruleFor(routes, method, path);
  if (rule === null || !routes.hasMethods) return rule;
  const meant = overrideOf(headers);
  if (meant === null || meant === method) return rule;
  const other = ruleFor(routes, meant, path);
  return other === null ? null : combined(routes, rule, other);
}

const OVERRIDES = ["x-http-method-override", "x-http-method", "x-method-override"] as const;

const overrideOf = (headers: Headers): string | null => {
  for (const name of OVERRIDES) {
    const value = headers.get(name);
    if (value !== null) return value.trim().toUpperCase();
  }
  return null;
};

const permitted = (rule: RouteRule, target: Goal): Routed =>
  rule.deny ? refuse("not-found", "No rule of ROUTES lets anybody use this path.") : { ok: true, rule, target };

const refuse = (code: Extract<Routed, { ok: false }>["code"], because: string): Routed => ({
  ok: false,
  code,
  because,
});

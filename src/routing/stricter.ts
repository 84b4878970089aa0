import type { Charge, RouteRule } from "./rule.ts";

/** One rule that refuses whatever either of two refuses, and charges what the dearer of them charges. */
export function stricter(one: RouteRule, other: RouteRule): RouteRule {
  if (one === other) return one;
  const anyScope = eitherOf(one.anyScope, other.anyScope);
  return {
    // Whose it is: what people see in usage and logs.
    path: one.path,
    methods: one.methods,
    exact: one.exact,
    paths: one.paths,
    deny: one.deny || other.deny,
    public: one.public && other.public,
    scopes: [...new Set([...one.scopes, ...other.scopes, ...anyScope.all])],
    anyScope: anyScope.any,
    charge: dearer(one, other),
    refundOn: one.refundOn.filter((outcome) => other.refundOn.includes(outcome)),
    cors: one.cors !== null && other.cors !== null ? one.cors : null,
    websocket: one.websocket && other.websocket,
    assertion: one.assertion || other.assertion,
    cacheable: one.cacheable && other.cacheable,
    maxBodyBytes: smaller(one.maxBodyBytes, other.maxBodyBytes),
  };
}

/** Scopes of which one is needed, of two such lists: one that both name will do. If there is none, all are needed. */
function eitherOf(
  one: readonly string[],
  other: readonly string[],
): { readonly any: readonly string[]; readonly all: readonly string[] } {
  if (one.length === 0 || other.length === 0) return { any: [...one, ...other], all: [] };
  const both = one.filter((scope) => other.includes(scope));
  return both.length > 0 ? { any: both, all: [] } : { any: [], all: [...one, ...other] };
}

/** What is held until the origin states the cost stays held; a public path charges nothing. */
function dearer(one: RouteRule, other: RouteRule): Charge {
  const amounts = [one, other].filter((rule) => !rule.public).map(({ charge }) => amountOf(charge));
  const most = Math.max(0, ...amounts);
  return "reserve" in one.charge || "reserve" in other.charge ? { reserve: most } : { cost: most };
}

const amountOf = (charge: Charge): number => ("reserve" in charge ? charge.reserve : charge.cost);

const smaller = (one: number | null, other: number | null): number | null =>
  one === null ? other : other === null ? one : Math.min(one, other);

import { foldPattern } from "./fold.ts";
import { covers, patternOf } from "./pattern.ts";
import { METHODS, type RouteRule } from "./rule.ts";

/** What is wrong with which part of the setting, as `[2].cost`. */
export type RouteFault = { readonly path: string; readonly message: string };

/** Rules that say something and never decide anything: each is somebody's belief about what protects a path. */
export function shadowFaults(rules: readonly RouteRule[]): readonly RouteFault[] {
  return rules.flatMap((rule, at) => {
    const message = shadowOf(rule, rules.slice(0, at)) ?? twinOf(rule, rules.slice(0, at));
    return message === null ? [] : [{ path: `[${at}].path`, message }];
  });
}

function shadowOf(rule: RouteRule, before: readonly RouteRule[]): string | null {
  const pattern = patternOf(rule.path);
  const wider = before
    .map((earlier, at) => ({ earlier, at }))
    .filter(({ earlier }) => covers(patternOf(earlier.path), pattern));
  const taken = new Set(wider.flatMap(({ earlier }) => methodsOf(earlier)));
  const isShadowed = wider.length > 0 && methodsOf(rule).every((method) => taken.has(method));
  if (!isShadowed) return null;
  const names = wider.map(({ earlier, at }) => `ROUTES[${at}] (${earlier.path})`).join(" and ");
  const isSame = wider.some(({ earlier }) => earlier.path === rule.path);
  return isSame
    ? `is named again: ${names} decides about it already`
    : `never applies: ${names} stands before it and fits all that it fits. Put the narrower rule first`;
}

/** Two rules whose paths differ in nothing that frameworks heed, unless each is meant to the letter. */
function twinOf(rule: RouteRule, before: readonly RouteRule[]): string | null {
  if (rule.exact) return null;
  const folded = key(rule);
  const at = before.findIndex(
    (earlier) =>
      !earlier.exact && earlier.path !== rule.path && key(earlier) === folded && sharesMethods(earlier, rule),
  );
  return at === -1
    ? null
    : `is ROUTES[${at}] (${before[at]!.path}) in another spelling: name one of them, or give both exact = true if your origin tells them apart`;
}

const key = ({ path }: RouteRule): string => {
  const { segments, open } = foldPattern(patternOf(path));
  return `${segments.join("/")}${open ? "/*" : ""}`;
};

const methodsOf = ({ methods }: RouteRule): readonly string[] => {
  const named: readonly string[] = methods ?? METHODS;
  return named.includes("GET") ? [...named, "HEAD"] : named;
};

const sharesMethods = (one: RouteRule, other: RouteRule): boolean =>
  methodsOf(one).some((method) => methodsOf(other).includes(method));

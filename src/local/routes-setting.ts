import { unstable_readConfig as readConfig } from "wrangler";
import { Stop } from "./command.ts";
import { ROOT } from "./wrangler.ts";

/** As much of `src/routing/` as commands use: the Worker's sources belong to another program, with other globals. */
export type RouteRule = Readonly<Record<string, unknown>> & { readonly assertion: boolean };
type Reading =
  | { readonly ok: true; readonly routes: readonly RouteRule[] }
  | { readonly ok: false; readonly faults: readonly { readonly path: string; readonly message: string }[] };
type Routes = {
  readonly readRoutes: (setting: unknown) => Reading;
};
type Table = { readonly rules: readonly RouteRule[]; readonly unnamed: RouteRule };
type Matching = {
  readonly ruleFor: (table: Table, method: string, path: string) => RouteRule | null;
  readonly forwardedMethods: (table: Table, standard: readonly string[]) => readonly string[];
};
type Rules = {
  readonly UNNAMED: RouteRule;
  readonly UNNAMED_DENIED: RouteRule;
  readonly METHODS: readonly string[];
  readonly routeTable: (rules: readonly RouteRule[], options: { unnamed: RouteRule; folds: boolean }) => Table;
};
type Opaque = {
  readonly opaqueRuleFor: (table: Table, method: string, raw: string) => RouteRule | "refused" | null;
};

const source = (file: string) => new URL(`../${file}`, import.meta.url).href;

/** The very code with which the Worker reads and applies its rules. */
export const { UNNAMED, UNNAMED_DENIED, METHODS, routeTable } = (await import(source("routing/rule.ts"))) as Rules;
export const { ruleFor, forwardedMethods } = (await import(source("routing/match.ts"))) as Matching;
export const { opaqueRuleFor } = (await import(source("routing/opaque.ts"))) as Opaque;
const { readRoutes } = (await import(source("routing/setting.ts"))) as Routes;

type Target = { readonly ok: true; readonly path: string } | { readonly ok: false; readonly because: string };

/** And the one with which it reads a path. */
export const { targetOf } = (await import(source("edge/path.ts"))) as { readonly targetOf: (url: string) => Target };

/** The rules of wrangler.toml. What is wrong with them is a `Stop` that names every part. */
export function routesSetting(): readonly RouteRule[] {
  const { vars } = readConfig({ config: `${ROOT}/wrangler.toml` });
  const reading = readRoutes(vars["ROUTES"] ?? []);
  if (reading.ok) return reading.routes;
  const faults = reading.faults.map(({ path, message }) => `  ROUTES${path} ${message}`);
  throw new Stop(["wrangler.toml has rules that cannot be used:", ...faults].join("\n"));
}

/** The rules with what wrangler.toml says of paths that no rule names, and of other spellings. */
export function routeTableSetting(): Table {
  const { vars } = readConfig({ config: `${ROOT}/wrangler.toml` });
  return routeTable(routesSetting(), {
    unnamed: vars["ROUTES_DEFAULT"] === "deny" ? UNNAMED_DENIED : UNNAMED,
    folds: vars["ROUTES_SPELLING"] !== "exact",
  });
}

export const needsAssertionKey = (routes: readonly RouteRule[]): boolean => routes.some(({ assertion }) => assertion);

import { unstable_readConfig as readConfig } from "wrangler";
import { Stop } from "./command.ts";
import { ROOT } from "./wrangler.ts";

/** As much of `src/routes.ts` as commands use: the Worker's sources belong to another program, with other globals. */
export type RouteRule = Readonly<Record<string, unknown>> & { readonly assertion: boolean };
type Reading =
  | { readonly ok: true; readonly routes: readonly RouteRule[] }
  | { readonly ok: false; readonly faults: readonly { readonly path: string; readonly message: string }[] };
type Routes = {
  readonly UNNAMED: RouteRule;
  readonly METHODS: readonly string[];
  readonly readRoutes: (setting: unknown) => Reading;
  readonly ruleFor: (routes: readonly RouteRule[], method: string, path: string) => RouteRule;
};

const source = (file: string) => new URL(`../${file}`, import.meta.url).href;

/** The very code with which the Worker reads and applies its rules. */
export const { UNNAMED, METHODS, readRoutes, ruleFor } = (await import(source("routes.ts"))) as Routes;

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

export const needsAssertionKey = (routes: readonly RouteRule[]): boolean => routes.some(({ assertion }) => assertion);

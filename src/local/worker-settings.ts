import { unstable_readConfig as readConfig } from "wrangler";
import { Stop } from "./command.ts";
import { ASSERTION_KEY, REQUIRED_SECRETS } from "./dev-vars.ts";
import { ROOT } from "./wrangler.ts";

// Not literals: the Worker's sources belong to another program than these commands, with other globals.
const source = (file: string) => new URL(`../${file}`, import.meta.url).href;

type Reading =
  | { readonly ok: true }
  | { readonly ok: false; readonly problems: readonly { readonly setting: string; readonly message: string }[] };
const { configOf } = (await import(source("env.ts"))) as { readonly configOf: (env: object) => Reading };

/**
 * Judges the settings of wrangler.toml with the Worker's own code, as if every secret were there: those are judged where
 * they are. What cannot be served is a `Stop` that names every setting and what to do about it.
 *
 * @param others settings that take the place of those in the file.
 */
export function checkWorkerSettings(others: Readonly<Record<string, unknown>> = {}): void {
  const { vars } = readConfig({ config: `${ROOT}/wrangler.toml` });
  const secrets = [...REQUIRED_SECRETS, ASSERTION_KEY].map(({ name, fresh }) => [name, fresh()] as const);
  const reading = configOf({ ...Object.fromEntries(secrets), ...vars, ...others });
  if (reading.ok) return;
  const lines = reading.problems.map(({ setting, message }) => `  ${setting} ${message}`);
  throw new Stop(["wrangler.toml has settings with which nothing can be served:", ...lines].join("\n"));
}

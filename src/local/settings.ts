import { resolve } from "node:path";
import { Stop } from "./command.ts";
import { ROOT } from "./wrangler.ts";

const DEFAULT_PORT = 8787;

/** What the environment says about where to run. Empty counts as not set. */
export type LocalSettings = {
  readonly port: number;
  /** Absolute. A relative STATE_DIR is taken from the repository. */
  readonly stateDir: string;
  readonly originUrl: string | undefined;
};

/** Reads PORT, STATE_DIR and ORIGIN_URL. A value that cannot be used is a `Stop` that names it. */
export function localSettings(env: NodeJS.ProcessEnv): LocalSettings {
  const port = env["PORT"] ? Number(env["PORT"]) : DEFAULT_PORT;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Stop(`PORT is "${env["PORT"]}"; it must be a number from 1 to 65535.`);
  }
  const originUrl = env["ORIGIN_URL"] || undefined;
  if (originUrl !== undefined && !/^https?:$/.test(URL.parse(originUrl)?.protocol ?? "")) {
    throw new Stop(`ORIGIN_URL is "${originUrl}"; it must be a URL such as http://127.0.0.1:3000.`);
  }
  return { port, stateDir: resolve(ROOT, env["STATE_DIR"] || ".rekey/state"), originUrl };
}

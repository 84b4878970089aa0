import type { Config, Env } from "../env.ts";

/** Where an admitted request goes: an exact URL, and who fetches it. */
export type Destination = { readonly url: string; readonly fetcher: Pick<Fetcher, "fetch"> };

export type DestinationReading =
  | { readonly ok: true; readonly destination: Destination }
  | { readonly ok: false; readonly code: "misconfigured" | "invalid-path"; readonly detail: string };

/** The client's URL, taken apart. `path` is canonical; `query` has its `?` or is empty. */
export type AskedUrl = {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
};

/**
 * Decides where a request goes before anything is spent on it: the service binding `ORIGIN`, or `ORIGIN_URL`, or the
 * zone's own origin. Never back to this gateway, and never to a host that the path talked us into: origin and path are
 * asserted on the URL as the URL parser reads it.
 */
export function destinationOf(asked: AskedUrl, env: Env, config: Config): DestinationReading {
  const configured = env.ORIGIN === undefined ? config.originUrl : null;
  if (configured?.host === asked.host.toLowerCase()) {
    const detail = "ORIGIN_URL names this gateway's own host. Leave it empty to use the zone's own origin.";
    return { ok: false, code: "misconfigured", detail };
  }
  const base = configured ?? URL.parse(`${asked.scheme}://${asked.host}/`);
  const path = (base?.pathname.replace(/\/$/, "") ?? "") + asked.path;
  const url = URL.parse(`${base?.origin}${path}${asked.query}`);
  if (url === null || url.origin !== base?.origin || url.pathname !== path) {
    return { ok: false, code: "invalid-path", detail: "The path cannot be forwarded as it is." };
  }
  return { ok: true, destination: { url: url.href, fetcher: env.ORIGIN ?? globalThis } };
}

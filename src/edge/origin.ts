import type { Config, Env } from "../env.ts";
import { HOP_HEADER, hopMark } from "./hop.ts";

/** Where an admitted request goes: an exact URL, and who fetches it. */
export type Destination = { readonly url: string; readonly fetcher: Pick<Fetcher, "fetch"> };

/** `setting` is the one to look at. */
export type DestinationReading =
  | { readonly ok: true; readonly destination: Destination }
  | { readonly ok: false; readonly code: "misconfigured"; readonly detail: string }
  | { readonly ok: false; readonly code: "invalid-path"; readonly detail: string };

/** The client's URL, taken apart. `path` is canonical; `query` has its `?` or is empty. */
export type Asked = {
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
export function destinationOf(asked: Asked, headers: Headers, env: Env, config: Config): DestinationReading {
  if (headers.get(HOP_HEADER) === hopMark(config)) {
    return loop("The gateway was asked to forward a request to itself. Set ORIGIN_URL or the binding ORIGIN.");
  }
  const own = `${asked.scheme}://${asked.host}`;
  const { originUrl } = config;
  if (env.ORIGIN === undefined && originUrl !== null && originUrl.host === asked.host.toLowerCase()) {
    return loop("ORIGIN_URL names this gateway's own host. Leave it empty to use the zone's own origin.");
  }
  const toUrl = env.ORIGIN === undefined && originUrl !== null;
  const base = toUrl ? originUrl.origin : own;
  const path = (toUrl ? originUrl.pathname.replace(/\/$/, "") : "") + asked.path;
  const url = base + path + asked.query;
  const parsed = URL.parse(url);
  if (parsed === null || parsed.origin !== URL.parse(base)?.origin || parsed.pathname !== path) {
    return { ok: false, code: "invalid-path", detail: "the path cannot be forwarded as it is" };
  }
  return { ok: true, destination: { url, fetcher: env.ORIGIN ?? globalThis } };
}

const loop = (detail: string): DestinationReading => ({ ok: false, code: "misconfigured", detail });

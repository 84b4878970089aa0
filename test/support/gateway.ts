import { startNodeOrigin, type NodeOrigin, type Seen } from "./node-origin.ts";
import { rawRequest, sendRaw, type RawAnswer } from "./raw-http.ts";
import { startRekey, type Rekey, type RekeyOptions } from "./rekey.ts";

export type IssuedKey = { readonly key: string; readonly id: string };

/** Rekey in front of a real HTTP server. */
export type Gateway = AsyncDisposable & {
  readonly rekey: Rekey;
  readonly origin: NodeOrigin;
  /** Issues a key over the control API. A test names the one thing that matters to it. */
  issue(body?: object): Promise<IssuedKey>;
  /** A control call as the admin; the answer must be 2xx. */
  control(method: string, path: string, body?: object): Promise<Record<string, unknown>>;
  /** A request through the gateway with a key. Redirects are not followed. */
  use(key: string, path?: string, init?: RequestInit): Promise<Response>;
  /** The same as bytes: a start line without the version, header lines, a body. The key comes first. */
  useRaw(key: string | null, start: string, headers?: readonly string[], body?: string): Promise<RawAnswer>;
  /** What the origin saw since this was last asked. */
  seen(): readonly Seen[];
};

/** The ways by which a gateway may reach its origin. The zone's own is whatever host the client asked for. */
export const WAYS = ["ORIGIN_URL", "the service binding ORIGIN", "the zone's own origin"] as const;
export type Way = (typeof WAYS)[number];

export async function startGateway({
  way = "ORIGIN_URL",
  ...options
}: RekeyOptions & { readonly way?: Way } = {}): Promise<Gateway> {
  const origin = await startNodeOrigin();
  const rekey = await startRekey({
    origin: way === "ORIGIN_URL" ? origin.url : "",
    ...(way === "the service binding ORIGIN" && { originBinding: origin.url }),
    ...options,
  });

  const control = async (method: string, path: string, body?: object) => {
    const response = await fetch(`${rekey.url}/_rekey/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${rekey.adminToken}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as Record<string, unknown>;
  };

  return {
    rekey,
    origin,
    control,
    async issue(body = {}) {
      const { key, record } = await control("POST", "/keys", { name: "a key", ...body });
      return { key: key as string, id: (record as { id: string }).id };
    },
    use: (key, path = "/", init = {}) =>
      fetch(rekey.url + path, {
        redirect: "manual",
        ...init,
        headers: { authorization: `Bearer ${key}`, ...(init.headers as Record<string, string> | undefined) },
      }),
    useRaw: (key, start, headers = [], body = "") => {
      const credential = key === null ? [] : [`Authorization: Bearer ${key}`];
      return sendRaw(rekey.url, rawRequest(rekey.url, `${start} HTTP/1.1`, [...credential, ...headers], body));
    },
    seen: () => origin.seen.splice(0),
    async [Symbol.asyncDispose]() {
      await rekey.stop();
      await origin[Symbol.asyncDispose]();
    },
  };
}

/** The code of a problem document. */
export const codeOf = (answer: { readonly body: string }): string => (JSON.parse(answer.body) as { code: string }).code;

/** The values of a header as the origin saw them, one for each time it was sent. */
export const valuesOf = (seen: Seen | undefined, name: string): readonly string[] =>
  (seen?.headers ?? []).filter(([one]) => one === name).map(([, value]) => value);

import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { handleControl } from "../../src/control/app.ts";
import type { KeyRecordJson } from "../../src/control/schema/record.ts";
import { requireConfig, type Config, type Env } from "../../src/env.ts";
import { testSecrets } from "./settings.ts";

export type ControlCall = {
  /** JSON of this, or a text as it is. */
  readonly body?: unknown;
  /** `null`: no Authorization header. Default: the admin token. */
  readonly authorization?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bindings in the place of the real ones. */
  readonly env?: Partial<Env>;
  readonly config?: Partial<Config>;
};

/** Calls the control API inside the runtime, on real objects and a real ledger unless the call brings others. */
export function control(method: string, path: string, call: ControlCall = {}): Promise<Response> {
  const { body, authorization = `Bearer ${testSecrets.REKEY_ADMIN_TOKEN}` } = call;
  const headers = new Headers(body === undefined ? {} : { "content-type": "application/json" });
  if (authorization !== null) headers.set("authorization", authorization);
  for (const [name, value] of Object.entries(call.headers ?? {})) headers.set(name, value);

  const url = new URL(path, "https://rekey.test");
  const content = body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body);
  return handleControl(
    new Request(url, { method, headers, body: content }),
    { ...env, ...call.env },
    createExecutionContext(),
    // How fast a control key may change things matters to one test only.
    { ...requireConfig(env), controlChangesPerMinute: 1_000_000, ...call.config },
    "req_test",
    url.pathname,
  );
}

/** The JSON of an answer that must have this status. */
export async function told<Body = Record<string, unknown>>(response: Response | Promise<Response>, status = 200) {
  const answer = await response;
  const text = await answer.text();
  if (answer.status !== status) throw new Error(`expected ${status}, got ${answer.status}: ${text}`);
  return JSON.parse(text) as Body;
}

export type Issued = { readonly key: string; readonly record: KeyRecordJson };

/** Issues a key. A test names the one thing that matters to it. */
export const issue = (body: object = {}): Promise<Issued> =>
  told<Issued>(control("POST", "/_rekey/v1/keys", { body: { name: "a key", ...body } }), 201);

/** Asks about a credential. */
export const verify = (key: string, question: object = {}): Promise<Record<string, unknown>> =>
  told(control("POST", "/_rekey/v1/verify", { body: { key, ...question } }));

export const keyPath = (issued: Issued, rest = ""): string => `/_rekey/v1/keys/${issued.record.id}${rest}`;

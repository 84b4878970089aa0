import type { Decision } from "../history/operation.ts";
import type { Heard } from "../history/recorder.ts";
import type { Answer, Call, Rules } from "../model/call.ts";
import { ask, type Request, type Response } from "./http.ts";
import type { Secrets } from "./secrets.ts";

/** Where a call goes, and how. */
export type Route = {
  /** One of the product's doors. */
  readonly door: string;
  readonly adminToken: string;
  readonly secrets: Secrets;
  /** A use is a request to the API behind the gateway, or a question to the control API. */
  readonly by?: "gateway" | "verify";
  readonly hangUpAfterMs?: number;
};

/**
 * Makes a call of the model's language over HTTP, as the contract says, and puts what comes back into the same
 * language. `null`: nothing came, or 503.
 */
export async function make(keyId: string, call: Call, route: Route): Promise<Heard> {
  const wire = wireOf(keyId, call, route);
  const response = await ask(route.door + wire.path, {
    method: wire.method,
    headers: wire.headers,
    ...(wire.body !== undefined && { body: wire.body }),
    ...(route.hangUpAfterMs !== undefined && { hangUpAfterMs: route.hangUpAfterMs }),
  });
  if (response === null || response.status === 503) return null;
  return { answer: answerOf(call, response, route.secrets), decision: decisionOf(response) };
}

type Wire = Request & { readonly path: string };

function wireOf(keyId: string, call: Call, { adminToken, secrets, by = "verify" }: Route): Wire {
  const path = `/_rekey/v1/keys/${keyId}`;
  const admin = { authorization: `Bearer ${adminToken}` };
  const holder = (secret: string) => ({ authorization: `Bearer ${secrets.credentialOf(secret)}` });
  const repeatable = (header: string | null) => (header === null ? {} : { "idempotency-key": header });
  switch (call.do) {
    case "create": {
      const headers = { ...admin, ...repeatable(call.header) };
      return { method: "POST", path: "/_rekey/v1/keys", headers, body: { name: "proof", ...fieldsOf(call.rules) } };
    }
    case "use": {
      if (by === "gateway") return { method: "GET", path: "/anything", headers: holder(call.secret) };
      const question = {
        key: secrets.credentialOf(call.secret),
        cost: call.cost,
        ...(call.scope !== undefined && { scopes: [call.scope] }),
        ...(call.ip !== undefined && { ip: call.ip }),
        ...(call.dry !== undefined && { dryRun: call.dry }),
      };
      return { method: "POST", path: "/_rekey/v1/verify", headers: admin, body: question };
    }
    case "read":
      return { method: "GET", path, headers: admin };
    case "read-self":
      return { method: "GET", path: "/_rekey/v1/self", headers: holder(call.secret) };
    case "rotate": {
      const headers = { ...admin, ...repeatable(call.header) };
      const { expected, graceMs } = call;
      const body = { graceSeconds: graceMs / 1000, ...(expected !== null && { expectedVersion: expected }) };
      return { method: "POST", path: `${path}/rotate`, headers, body };
    }
    case "rotate-self": {
      const headers = { ...holder(call.secret), ...repeatable(call.header) };
      return { method: "POST", path: "/_rekey/v1/self/rotate", headers };
    }
    case "revoke-self":
      return { method: "POST", path: "/_rekey/v1/self/revoke", headers: holder(call.secret) };
    case "revoke":
    case "suspend":
    case "resume":
      return { method: "POST", path: `${path}/${call.do}`, headers: admin };
    case "amend": {
      const headers = { ...admin, ...matching(call.ifMatch) };
      return { method: "PATCH", path, headers, body: fieldsOf(call.change) };
    }
    case "credit": {
      const headers = { ...admin, ...matching(call.ifMatch) };
      const body = call.add === undefined ? { set: call.set } : { add: call.add };
      return { method: "POST", path: `${path}/credits`, headers, body };
    }
    case "purge":
      return { method: "DELETE", path, headers: admin };
    case "obey":
      throw new Error("an owner's order is not given to a key over HTTP");
  }
}

const matching = (revision: number | null) => (revision === null ? {} : { "if-match": `"${revision}"` });

/** The fields of a body that say these rules. */
const fieldsOf = ({ expiresAt, scopes, ips, quota, pace, selfRotate }: Partial<Rules>) => ({
  ...(expiresAt !== undefined && { expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString() }),
  ...(scopes !== undefined && { scopes }),
  ...(ips !== undefined && { allowedIps: ips }),
  ...(quota !== undefined && { quota }),
  ...(pace !== undefined && {
    rateLimits: pace.map(({ name, limit, windowMs }) => ({
      name,
      limit,
      windowSeconds: windowMs / 1000,
      algorithm: "window",
    })),
  }),
  ...(selfRotate !== undefined && { selfRotate }),
});

const DONE: Readonly<Record<string, string>> = {
  create: "created",
  read: "record",
  "read-self": "record",
  rotate: "rotated",
  "rotate-self": "rotated",
  revoke: "revoked",
  "revoke-self": "revoked",
  suspend: "suspended",
  resume: "resumed",
  amend: "amended",
  credit: "credited",
};

function answerOf(call: Call, response: Response, secrets: Secrets): Answer {
  const { status, headers, body } = response;
  if (call.do === "use" && status === 200) {
    return body.startsWith('{"valid"') ? verdictFacts(JSON.parse(body) as Verdict) : admissionFacts(response);
  }
  if (call.do === "purge" && status === 204) return { code: "purged" };
  const said = JSON.parse(body) as Said;
  if (status < 300) {
    const { key, retired, record = said as unknown as KeyRecord } = said;
    return {
      ...recordFacts(DONE[call.do]!, record),
      ...(key !== undefined && { secret: secrets.nameOf(key) }),
      ...(retired !== undefined && { retired: retired.version }),
    };
  }
  const { code, currentVersion } = said;
  if (typeof code !== "string") throw new Error(`${JSON.stringify(call)} was answered ${status} ${body}`);
  return {
    code,
    ...(currentVersion !== undefined && { currentVersion }),
    ...limitFacts(headers["ratelimit"]),
  };
}

/** What the origin saw, which it repeats, and what the gateway says is left. */
const admissionFacts = ({ headers, body }: Response): Answer => ({
  code: "valid",
  version: (JSON.parse(body) as { version: number }).version,
  ...limitFacts(headers["ratelimit"]),
});

/** `"burst";r=3;t=60, "quota";r=12`: what is left of each rate limit, in their order, and of the quota. */
function limitFacts(header: string | string[] | undefined): { room?: readonly number[]; remaining?: number } {
  if (typeof header !== "string") return {};
  const limits = header.split(", ").map((text) => /^"(.*)";r=(\d+)/.exec(text)!);
  const quota = limits.find(([, name]) => name === "quota");
  return {
    room: limits.filter((limit) => limit !== quota).map(([, , remaining]) => Number(remaining)),
    ...(quota !== undefined && { remaining: Number(quota[2]) }),
  };
}

type Verdict = {
  readonly code: string;
  readonly version?: number;
  readonly quota?: { readonly used: number; readonly remaining: number } | null;
  readonly rateLimits?: readonly { readonly remaining: number }[];
};

const verdictFacts = ({ code, version, quota, rateLimits }: Verdict): Answer => ({
  code,
  ...(version !== undefined && { version }),
  ...(rateLimits !== undefined && allowanceFacts({ quota: quota ?? null, rateLimits })),
});

type KeyRecord = {
  readonly version: number;
  readonly revision: number;
  readonly status: string;
  readonly ownerSuspended: boolean;
} & Allowance;
type Allowance = {
  readonly quota: { readonly used: number; readonly remaining: number } | null;
  readonly rateLimits: readonly { readonly remaining: number }[];
};
type Said = {
  readonly key?: string;
  readonly record?: KeyRecord;
  readonly retired?: { readonly version: number };
  readonly code?: string;
  readonly currentVersion?: number;
};

const allowanceFacts = ({ quota, rateLimits }: Allowance) => ({
  used: quota?.used ?? null,
  remaining: quota?.remaining ?? null,
  room: rateLimits.map(({ remaining }) => remaining),
});

const recordFacts = (code: string, { version, revision, status, ownerSuspended, ...allowance }: KeyRecord): Answer => ({
  code,
  version,
  revision,
  status,
  ownerSuspended,
  ...allowanceFacts(allowance),
});

function decisionOf({ headers, body }: Response): Decision | null {
  const told = headers["rekey-decision"] ?? /"decision":"(\d+\.\d+)"/.exec(body)?.[1];
  if (typeof told !== "string") return null;
  const [boot, n] = told.split(".").map(Number);
  return { boot: boot!, n: n! };
}

import { createHash } from "node:crypto";
import type { Decision } from "../history/operation.ts";
import type { Heard } from "../history/recorder.ts";
import type { Answer, Call, PaceRule, QuotaRule, RotationRule, Rules } from "../model/call.ts";
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
  const answer = answerOf(call, response, route.secrets);
  return { answer, decision: decisionOf(response), revision: revisionOf(response) };
}

const digestHex = (text: string): string => createHash("sha256").update(text).digest("hex");

type Wire = Request & { readonly path: string };

function wireOf(keyId: string, call: Call, { adminToken, secrets, by = "verify" }: Route): Wire {
  const path = `/_rekey/v1/keys/${keyId}`;
  const admin = { authorization: `Bearer ${adminToken}` };
  const holder = (secret: string) => ({ authorization: `Bearer ${secrets.credentialOf(secret)}` });
  // Nobody guesses it, and the same name is the same header.
  const repeatable = (header: string | null) => (header === null ? {} : { "idempotency-key": digestHex(header) });
  switch (call.do) {
    case "create": {
      const headers = { ...admin, ...repeatable(call.header) };
      return { method: "POST", path: "/_rekey/v1/keys", headers, body: { name: "proof", ...fieldsOf(call.rules) } };
    }
    case "use": {
      // What it costs and whether it is held is for the route to say, not for the request.
      if (by === "gateway" && call.cost === 1 && !call.reserve)
        return { method: "GET", path: "/anything", headers: holder(call.secret) };
      const question = {
        key: secrets.credentialOf(call.secret),
        ...(call.reserve ? { reserve: call.cost } : { cost: call.cost }),
        ...(call.scope !== undefined && { scopes: [call.scope] }),
        ...(call.ip !== undefined && { ip: call.ip }),
        ...(call.dry !== undefined && { dryRun: call.dry }),
      };
      return { method: "POST", path: "/_rekey/v1/verify", headers: admin, body: question };
    }
    case "settle": {
      const id = secrets.credentialOf(call.reservation);
      return {
        method: "POST",
        path: `/_rekey/v1/reservations/${id}/settle`,
        headers: admin,
        body: { used: call.used },
      };
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
    case "ring":
      throw new Error("a key does this by itself, or for its owner: nobody asks for it over HTTP");
  }
}

const matching = (revision: number | null) => (revision === null ? {} : { "if-match": `"${revision}"` });

/** The fields of a body that say these rules. */
const fieldsOf = (rules: Partial<Rules>) => {
  const { expiresAt, session, idleMs, scopes, ips, quota, pace, rotation, reserveMs, onTimeout, selfRotate } = rules;
  return {
    ...(expiresAt && { expiresAt: new Date(expiresAt).toISOString() }),
    ...(expiresAt === null && !session && { expiresAt }),
    ...(session && {
      kind: "session",
      lifetimeSeconds: session.lifetimeMs / 1000,
      maxLifetimeSeconds: secondsOf(session.capMs),
    }),
    ...(typeof idleMs === "number" && { idleSeconds: idleMs / 1000 }),
    ...(scopes !== undefined && { scopes }),
    ...(ips !== undefined && { allowedIps: ips }),
    ...(quota !== undefined && { quota: quota && quotaFields(quota) }),
    ...(pace !== undefined && { rateLimits: pace.map(limitFields) }),
    ...(rotation !== undefined && { rotation: rotation && rotationFields(rotation) }),
    ...(reserveMs !== undefined && { reserveSeconds: reserveMs / 1000 }),
    ...(onTimeout !== undefined && { onReservationTimeout: onTimeout }),
    ...(selfRotate !== undefined && { selfRotate }),
  };
};

const secondsOf = (ms: number | null): number | null => (ms === null ? null : ms / 1000);

const quotaFields = ({ limit, period: of, zone, cap }: QuotaRule) => {
  const isEven = typeof of === "object";
  const period = isEven ? { everySeconds: of.everyMs / 1000, anchor: new Date(of.anchor).toISOString() } : of;
  const refill = cap === undefined ? {} : { refill: "add", cap };
  return { limit, period, ...(zone !== undefined && { timezone: zone }), ...refill };
};

const limitFields = ({ windowMs, algorithm = "window", ...rule }: PaceRule) => ({
  ...rule,
  algorithm,
  windowSeconds: windowMs / 1000,
});

const rotationFields = ({ afterUses, afterMs, mode, graceMs }: RotationRule) => ({
  afterUses,
  afterSeconds: secondsOf(afterMs),
  mode,
  graceSeconds: graceMs / 1000,
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
    const isVerdict = body.startsWith('{"valid"');
    return isVerdict ? verdictFacts(JSON.parse(body) as Verdict, secrets) : admissionFacts(response, secrets);
  }
  if (call.do === "purge" && status === 204) return { code: "purged" };
  const said = JSON.parse(body) as Said;
  if (status < 300 && call.do === "settle") {
    const { reserved, charged, overrun } = said as unknown as Settled;
    return { code: "settled", units: reserved, charged, overrun };
  }
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
const admissionFacts = ({ headers, body }: Response, secrets: Secrets): Answer => {
  const successor = headers["rekey-new-key"];
  return {
    code: "valid",
    version: (JSON.parse(body) as { version: number }).version,
    ...limitFacts(headers["ratelimit"]),
    ...(typeof successor === "string" && { secret: secrets.nameOf(successor) }),
  };
};

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
  readonly reservation?: { readonly id: string };
  readonly newKey?: string;
};
type Settled = { readonly reserved: number; readonly charged: number; readonly overrun: number };

const verdictFacts = (
  { code, version, quota, rateLimits, reservation, newKey }: Verdict,
  secrets: Secrets,
): Answer => ({
  code,
  ...(reservation !== undefined && { reservation: secrets.nameOf(reservation.id) }),
  ...(newKey !== undefined && { secret: secrets.nameOf(newKey) }),
  ...(version !== undefined && { version }),
  ...(rateLimits !== undefined && allowanceFacts({ quota: quota ?? null, rateLimits })),
});

type KeyRecord = {
  readonly version: number;
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

const recordFacts = (code: string, { version, status, ownerSuspended, ...allowance }: KeyRecord): Answer => ({
  code,
  version,
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

function revisionOf({ body }: Response): number | null {
  const told = /"revision":(\d+)/.exec(body)?.[1];
  return told === undefined ? null : Number(told);
}

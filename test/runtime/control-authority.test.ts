import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROUTES } from "../../src/control/routes.ts";
import type { Operation } from "../../src/control/operation.ts";
import { amendBody } from "../../src/control/schema/amend.ts";
import type { KeyRecordJson } from "../../src/control/schema/record.ts";
import type { VerifyAnswer } from "../../src/control/schema/verify.ts";
import { shapeOf } from "../support/bad-input.ts";
import { control, issue, keyPath, told, verify, type Issued } from "../support/control.ts";
import { stubInternet, type Internet } from "../support/stub-receiver.ts";

/*
 * Who may do what to which key: every control scope, on every route of the table, for keys of the caller's owner, of
 * another's and of nobody's, that are weaker or stronger than the caller. The expectations are this file's own words
 * for the rule, not the product's functions.
 */

/** What a control key may hold: each scope of the table alone, wildcards that reach them, and what reaches nothing. */
const SCOPES = [
  ...new Set(ROUTES.map(({ scope }) => scope).filter((scope) => scope !== null && scope !== "self")),
  "rekey:keys:*",
  "rekey:*",
  "*",
  "*:*:*",
  "orders:read",
];
const reaches = (held: string, needed: string): boolean =>
  held === needed || held === "rekey:*" || (held === "rekey:keys:*" && needed.startsWith("rekey:keys:"));

/** What a target may hold, and what covers it. `rekey:verify` is never what any route below needs of its caller. */
const STRENGTHS = [
  { name: "plain", scopes: ["orders:*", "*"], coveredBy: () => true },
  { name: "that verifies", scopes: ["rekey:verify"], coveredBy: (held: string) => reaches(held, "rekey:verify") },
  { name: "that may do all", scopes: ["orders:*", "rekey:*"], coveredBy: (held: string) => held === "rekey:*" },
];

const OWN = "acme";
const OWNERS = [null, OWN, "globex"];

type Caller = { readonly held: string; readonly owner: string | null };
const sees = ({ owner }: Caller, target: string | null): boolean => owner === null || owner === target;
const callers = SCOPES.flatMap((held) => OWNERS.map((owner): Caller => ({ held, owner })));

const credentials = new Map<string, Promise<Issued>>();
/** A control key as a caller holds it; one for each kind of caller. */
async function bearerOf({ held, owner }: Caller): Promise<{ authorization: string }> {
  const kind = `${held} of ${owner}`;
  if (!credentials.has(kind)) credentials.set(kind, issue({ name: kind, owner, scopes: [held] }));
  return { authorization: `Bearer ${(await credentials.get(kind)!).key}` };
}

const recordOf = ({ record }: Issued): Promise<KeyRecordJson> => told(control("GET", `/_rekey/v1/keys/${record.id}`));

/** How a route is called, and what it answers when nothing is in the way. `changes`: the target's strength matters. */
type Recipe = {
  readonly body?: object;
  readonly changes: boolean;
  readonly status: number;
  /** What is done to the target before, by the admin. */
  readonly before?: (target: Issued) => Promise<unknown>;
  /** What stands in the path, where it is not the key's own id. */
  readonly id?: (target: Issued) => Promise<string>;
};
/** A webhook of the target's owner; gives its id. */
async function hookOf({ record }: Issued): Promise<string> {
  const body = { url: "https://hooks.example.com", owner: record.owner };
  // As many as there may be of one owner: each makes room for the next.
  const path = "/_rekey/v1/webhooks";
  const { items } = await told<{ items: { id: string }[] }>(control("GET", `${path}?owner=${record.owner}&limit=200`));
  for (const { id } of items) await control("DELETE", `${path}/${id}`);
  return (await told<{ webhook: { id: string } }>(control("POST", path, { body }), 201)).webhook.id;
}
/** The end of a path that names a webhook's message too. */
async function deliveryOf(target: Issued): Promise<string> {
  const id = await hookOf(target);
  const { id: deliveryId } = await told<{ id: string }>(control("POST", `/_rekey/v1/webhooks/${id}/test`), 202);
  return `${id}/deliveries/${deliveryId}`;
}

const BALANCE = { limit: 5, period: "none" };
const RECIPES: Readonly<Record<string, Recipe>> = {
  getKey: { changes: false, status: 200 },
  listKeyEvents: { changes: false, status: 200 },
  proveKeyEvents: { changes: false, status: 200 },
  getKeyUsage: { changes: false, status: 200 },
  listKeyClients: { changes: false, status: 200 },
  amendKey: { changes: true, status: 200, body: { name: "another name" } },
  rotateKey: { changes: true, status: 200 },
  revokeKey: { changes: true, status: 200 },
  suspendKey: { changes: true, status: 200 },
  resumeKey: {
    changes: true,
    status: 200,
    before: async (target) => {
      const call = await bearerOf({ held: "rekey:*", owner: null });
      return told(control("POST", keyPath(target, "/suspend"), call));
    },
  },
  creditKey: { changes: true, status: 200, body: { add: 1 } },
  settleReservation: {
    changes: false,
    status: 200,
    body: { used: 1 },
    id: async ({ key }) => {
      const answer = await told<VerifyAnswer>(control("POST", "/_rekey/v1/verify", { body: { key, reserve: 2 } }));
      return answer.reservation!.id;
    },
  },
  getWebhook: { changes: false, status: 200, id: hookOf },
  amendWebhook: { changes: false, status: 200, id: hookOf, body: { events: ["key.*"] } },
  deleteWebhook: { changes: false, status: 204, id: hookOf },
  rotateWebhookSecret: { changes: false, status: 200, id: hookOf },
  testWebhook: { changes: false, status: 202, id: hookOf },
  resumeWebhook: { changes: false, status: 200, id: hookOf },
  listWebhookDeliveries: { changes: false, status: 200, id: hookOf },
  replayWebhookDelivery: { changes: false, status: 202, id: deliveryOf },
  acknowledgeAlert: {
    changes: false,
    status: 200,
    body: { note: "seen" },
    id: async (target) => {
      await told(control("POST", keyPath(target, "/rotate")));
      await verify(target.key);
      // A change brings the ledger what the verification has left for later.
      await told(control("POST", keyPath(target, "/suspend")));
      return `alert_${target.record.id.slice("key_".length)}_3`;
    },
  },
  purgeKey: { changes: true, status: 204, before: (target) => told(control("POST", keyPath(target, "/revoke"))) },
};

/** Routes that name one key. Those that name an owner, or none, are tried below one by one. */
const onOneKey = ROUTES.filter(({ path }) => path.includes("{id}"));
const ELSEWHERE = [
  "verifyKey",
  "verifyBatch",
  "createKey",
  "listKeys",
  "listEvents",
  "getUsage",
  "listAlerts",
  "listOwners",
  "createWebhook",
  "listWebhooks",
  "revokeOwner",
  "suspendOwner",
  "resumeOwner",
];

// Nothing is sent to anybody, and every name leads somewhere.
let internet: Internet;
beforeAll(() => {
  internet = stubInternet();
});
afterAll(() => internet[Symbol.dispose]());

it("every route that needs a scope is tried in this file", () => {
  const guarded = ROUTES.filter(({ scope }) => scope !== null && scope !== "self").map(
    ({ operationId }) => operationId,
  );
  expect(guarded.toSorted()).toEqual([...onOneKey.map(({ operationId }) => operationId), ...ELSEWHERE].toSorted());
});

describe.each(onOneKey.map((route) => [route.operationId, route] as const))("%s", (operationId, route) => {
  const recipe = RECIPES[operationId]!;

  it.each(STRENGTHS)("of a key $name: for those who have its scope, see its owner and cover it", async (strength) => {
    const fresh = async () => {
      const target = await issue({ owner: OWN, scopes: strength.scopes, quota: BALANCE });
      await recipe.before?.(target);
      const id = (await recipe.id?.(target)) ?? target.record.id;
      return { target, id, before: await recordOf(target) };
    };
    let prepared = await fresh();
    for (const caller of callers) {
      const path = route.path.replace("{id}/deliveries/{deliveryId}", prepared.id).replace("{id}", prepared.id);
      const response = await control(route.method, path, { ...(await bearerOf(caller)), body: recipe.body });

      const expected = expectedOf(
        route,
        recipe,
        caller,
        strength.coveredBy(caller.held),
        strength.scopes.includes("rekey:*"),
      );
      const who = `${caller.held} of ${caller.owner}`;
      expect(await heardIn(response), who).toBe(expected);
      // Whoever was refused has changed nothing, so the next caller finds the same key.
      if (response.status < 400) prepared = await fresh();
      expect(await recordOf(prepared.target), `${who} changed it`).toEqual(prepared.before);
    }
  });
});

/** What a control key that may do all may do to itself: read, and stop. */
const TO_ITSELF: Readonly<Record<string, number>> = {
  getKey: 200,
  listKeyEvents: 200,
  proveKeyEvents: 200,
  getKeyUsage: 200,
  listKeyClients: 200,
  amendKey: 403,
  rotateKey: 403,
  revokeKey: 200,
  suspendKey: 200,
  resumeKey: 403,
  creditKey: 403,
  settleReservation: 403,
  acknowledgeAlert: 403,
  purgeKey: 403,
};

describe("a control key, asking for itself", () => {
  const onKeys = onOneKey.filter(({ path }) => !path.includes("/webhooks/"));
  /** All that anybody has set, and nothing that a call of its own counts. */
  const set = ({ lastUsedAt: _at, quota, ...record }: KeyRecordJson) => ({ ...record, limit: quota?.limit });

  it("has an answer for every route that names a key", () => {
    expect(Object.keys(TO_ITSELF).toSorted()).toEqual(onKeys.map(({ operationId }) => operationId).toSorted());
  });

  it.each(onKeys.map((route) => [route.operationId, route] as const))("%s", async (operationId, route) => {
    for (const owner of [OWN, null]) {
      const self = await issue({ owner, scopes: ["rekey:*"], quota: { limit: 1000, period: "none" } });
      const recipe = RECIPES[operationId]!;
      let id = self.record.id as string;
      if (operationId === "settleReservation") id = await recipe.id!(self);
      if (operationId === "acknowledgeAlert") id = `alert_${id.slice("key_".length)}_3`;
      const before = await recordOf(self);
      const call = { authorization: `Bearer ${self.key}`, body: recipe.body };
      const response = await control(route.method, route.path.replace("{id}", id), call);
      const status = TO_ITSELF[operationId]!;
      expect(await heardIn(response), `of ${owner}`).toBe(status === 403 ? "403 forbidden" : String(status));
      const stopped = expect.objectContaining({ id: self.record.id }) as unknown;
      expect(set(await recordOf(self))).toEqual(status === 403 ? set(before) : stopped);
    }
  });

  const FIELDS: readonly (readonly [string, unknown])[] = [
    ["name", "another name"],
    ["scopes", ["rekey:*", "admin", "*"]],
    ["scopes", []],
    ["allowedIps", null],
    ["quota", null],
    ["quota", { limit: 1_000_000, period: "hour" }],
    ["rateLimits", []],
    ["rotation", null],
    ["maxConcurrent", null],
    ["selfRotate", true],
    ["suspicion", null],
    ["expiresAt", null],
    ["metadata", { plan: "free" }],
    ["boundary", null],
  ];

  it("is tried with every field that a key may be amended in", () => {
    const known = Object.keys(shapeOf(amendBody).properties!);
    expect([...new Set(FIELDS.map(([field]) => field))].toSorted()).toEqual(known.toSorted());
  });

  it.each(FIELDS)("changes nothing of what was set: %s = %j", async (field, value) => {
    const self = await issue({
      owner: OWN,
      scopes: ["rekey:keys:write"],
      allowedIps: ["203.0.113.0/24"],
      quota: { limit: 100, period: "day" },
      rateLimits: [{ name: "pace", algorithm: "window", limit: 50, windowSeconds: 60 }],
      rotation: { afterUses: 1000 },
      maxConcurrent: 2,
      selfRotate: false,
      suspicion: { "unknown-secret": { threshold: 3 } },
      metadata: { plan: "pro" },
      boundary: { grantable: ["orders:read"] },
      lifetimeSeconds: 3600,
    });
    const before = await recordOf(self);
    const call = {
      authorization: `Bearer ${self.key}`,
      headers: { "cf-connecting-ip": "203.0.113.7" },
      body: { [field]: value },
    };
    expect(await told(control("PATCH", keyPath(self), call), 403)).toMatchObject({ code: "forbidden" });
    const unread = ({ lastUsedAt: _at, quota: _spent, rateLimits: _pace, ...record }: KeyRecordJson) => record;
    const after = await recordOf(self);
    expect(unread(after)).toEqual(unread(before));
    expect([after.quota, after.rateLimits]).toMatchObject([{ limit: 100, period: "day" }, [{ limit: 50 }]]);
  });
});

/** The status, and the code of a refusal. */
const heardIn = async (response: Response): Promise<string> =>
  response.status < 400
    ? String(response.status)
    : `${response.status} ${(await response.json<{ code: string }>()).code}`;

function expectedOf(route: Operation, recipe: Recipe, { held, owner }: Caller, covered: boolean, isAll: boolean) {
  if (!reaches(held, route.scope!)) return "403 insufficient-scope";
  if (owner !== null && owner !== OWN) return "404 not-found";
  if (recipe.changes && !covered) return "403 forbidden";
  // Equals may stop each other. Of the targets only the one that may do all is anybody's equal, within its owner.
  const isStop = route.operationId === "revokeKey" || route.operationId === "suspendKey";
  if (recipe.changes && !isStop && isAll && owner === OWN) return "403 forbidden";
  return String(recipe.status);
}

/** Callers that have the scope which a route needs, by owner; and all who have not are refused. */
async function withScope(operationId: string, body: object | undefined): Promise<readonly Caller[]> {
  const route = ROUTES.find((each) => each.operationId === operationId)!;
  const path = route.path.replace("{owner}", OWN);
  for (const caller of callers.filter(({ held }) => !reaches(held, route.scope!))) {
    const response = await control(route.method, path, { ...(await bearerOf(caller)), body });
    const challenge = response.headers.get("www-authenticate");
    expect(challenge).toBe(`Bearer error="insufficient_scope", scope="${route.scope}"`);
    expect(await told(response, 403)).toMatchObject({ code: "insufficient-scope" });
  }
  return callers.filter(({ held }) => reaches(held, route.scope!));
}

describe("createKey", () => {
  it("grants no more than its caller covers, and creates for the caller's own owner only", async () => {
    for (const caller of await withScope("createKey", { name: "a key" })) {
      const bearer = await bearerOf(caller);
      for (const wanted of [undefined, null, OWN, "globex"]) {
        for (const { scopes, coveredBy } of STRENGTHS) {
          const body = { name: "a key", scopes, ...(wanted !== undefined && { owner: wanted }) };
          const response = await control("POST", "/_rekey/v1/keys", { ...bearer, body });
          const mayOwn = caller.owner === null || (wanted ?? caller.owner) === caller.owner;
          const who = `${caller.held} of ${caller.owner}, for ${wanted}, ${scopes.join(" ")}`;
          const allowed = mayOwn && coveredBy(caller.held);
          const answer = await told(response, allowed ? 201 : 403);
          const expected = allowed ? { record: { owner: wanted ?? caller.owner, scopes } } : { code: "forbidden" };
          expect([who, answer]).toMatchObject([who, expected]);
        }
      }
    }
  });
});

describe("amendKey", () => {
  it("grants no more than its caller covers, however weak the key was", async () => {
    for (const caller of callers.filter(({ held }) => reaches(held, "rekey:keys:write"))) {
      if (caller.owner === "globex") continue;
      for (const { scopes, coveredBy } of STRENGTHS) {
        const target = await issue({ owner: OWN, scopes: ["orders:read"] });
        const call = { ...(await bearerOf(caller)), body: { scopes } };
        const response = await control("PATCH", keyPath(target), call);
        expect(response.status, `${caller.held} grants ${scopes.join(" ")}`).toBe(coveredBy(caller.held) ? 200 : 403);
        expect((await recordOf(target)).scopes).toEqual(coveredBy(caller.held) ? scopes : ["orders:read"]);
      }
    }
  });
});

describe("verifyKey and verifyBatch", () => {
  it("know the caller's own owner's keys only; all others are as unknown as a forgery, and spend nothing", async () => {
    const question = { key: "no key at all" };
    const able = await withScope("verifyKey", question);
    expect(await withScope("verifyBatch", { items: [] })).toEqual(able);
    const forgery = { valid: false, code: "invalid-key", requestId: "req_test", decision: null };
    for (const caller of able) {
      const bearer = await bearerOf(caller);
      const targets = await Promise.all(OWNERS.map((owner) => issue({ owner, quota: BALANCE })));
      const items = targets.map(({ key }) => ({ key }));
      const batch = await told<{ items: object[] }>(
        control("POST", "/_rekey/v1/verify/batch", { ...bearer, body: { items } }),
      );
      for (const [at, target] of targets.entries()) {
        const seen = sees(caller, target.record.owner);
        const one = await told(control("POST", "/_rekey/v1/verify", { ...bearer, body: { key: target.key } }));
        const verdict = { valid: true, keyId: target.record.id };
        const admitted: unknown = expect.objectContaining(verdict);
        const expected = seen ? admitted : forgery;
        expect([one, batch.items[at]]).toEqual([expected, expected]);
        expect((await recordOf(target)).quota).toMatchObject({ used: seen ? 2 : 0 });
      }
    }
  });
});

describe("createWebhook", () => {
  it("tells its caller of the caller's own owner's keys only", async () => {
    const url = "https://hooks.example.com";
    for (const caller of await withScope("createWebhook", { url })) {
      const bearer = await bearerOf(caller);
      for (const wanted of [undefined, null, OWN, "globex"]) {
        const body = { url, ...(wanted !== undefined && { owner: wanted }) };
        const mayOwn = caller.owner === null || (wanted ?? caller.owner) === caller.owner;
        const answer = await told<{ webhook: { id: string } }>(
          control("POST", "/_rekey/v1/webhooks", { ...bearer, body }),
          mayOwn ? 201 : 403,
        );
        const expected = mayOwn ? { webhook: { owner: wanted ?? caller.owner } } : { code: "forbidden" };
        expect([`${caller.held} of ${caller.owner}, for ${wanted}`, answer]).toMatchObject([
          expect.anything(),
          expected,
        ]);
        if (mayOwn) await control("DELETE", `/_rekey/v1/webhooks/${answer.webhook.id}`);
      }
    }
  });
});

describe.each(["listKeys", "listEvents", "listOwners", "listWebhooks"])("%s", (operationId) => {
  const route = ROUTES.find((each) => each.operationId === operationId)!;

  it("shows the caller's own owner only, even when another's is asked for", async () => {
    const issued = await Promise.all(OWNERS.map((owner) => issue({ owner })));
    if (operationId === "listWebhooks") for (const each of issued) await hookOf(each);
    for (const caller of await withScope(operationId, undefined)) {
      const ownersSeen = async (query: string) => {
        const call = await bearerOf(caller);
        const page = await told<{ items: { owner: string | null }[] }>(control("GET", `${route.path}${query}`, call));
        return new Set(page.items.map(({ owner }) => owner));
      };
      const all = await ownersSeen("?limit=200");
      const bound = caller.owner === null ? [OWN, "globex"] : [caller.owner];
      expect([...all].filter((owner) => owner === OWN || owner === "globex").toSorted()).toEqual(bound);
      const filters = operationId === "listOwners" ? [] : [OWN, "globex"];
      for (const owner of filters) {
        expect([...(await ownersSeen(`?limit=200&owner=${owner}`))]).toEqual(sees(caller, owner) ? [owner] : []);
      }
    }
  });
});

describe("listAlerts", () => {
  it("shows the caller's own owner only, even when another's or another's key is asked for", async () => {
    const targets = await Promise.all(OWNERS.map((owner) => issue({ owner })));
    for (const target of targets) await RECIPES["acknowledgeAlert"]!.id!(target);
    for (const caller of await withScope("listAlerts", undefined)) {
      const bearer = await bearerOf(caller);
      const ownersSeen = async (query: string) => {
        const path = `/_rekey/v1/alerts?limit=200${query}`;
        const page = await told<{ items: { owner: string | null }[] }>(control("GET", path, bearer));
        return new Set(page.items.map(({ owner }) => owner));
      };
      expect(await ownersSeen("")).toEqual(new Set(OWNERS.filter((owner) => sees(caller, owner))));
      for (const { record } of targets) {
        const seen = sees(caller, record.owner) ? [record.owner] : [];
        expect(await ownersSeen(`&keyId=${record.id}`)).toEqual(new Set(seen));
        const byOwner = record.owner === null ? new Set(seen) : await ownersSeen(`&owner=${record.owner}`);
        expect(byOwner).toEqual(new Set(seen));
      }
    }
  });
});

describe.each([
  ["revokeOwner", "revoke", "revoked"],
  ["suspendOwner", "suspend", "suspended"],
  ["resumeOwner", "resume", "active"],
])("%s", (operationId, verb, status) => {
  /** An owner with a key of each strength, and a call about it by a control key. */
  async function decide(held: string, callersOwner: (owner: string) => string | null) {
    const owner = `owner-${crypto.randomUUID()}`;
    const targets = await Promise.all(STRENGTHS.map(({ scopes }) => issue({ owner, scopes })));
    const stopper = await bearerOf({ held: "rekey:*", owner: null });
    if (verb === "resume") await told(control("POST", `/_rekey/v1/owners/${owner}/suspend`, stopper));
    const before = await Promise.all(targets.map(recordOf));
    const caller = await issue({ owner: callersOwner(owner), scopes: [held] });
    const path = `/_rekey/v1/owners/${owner}/${verb}`;
    const response = await control("POST", path, { authorization: `Bearer ${caller.key}` });
    return { owner, targets, before, path, response };
  }

  it("is for those who have the scope, and reaches no key that they do not cover", async () => {
    for (const { held, owner: bound } of await withScope(operationId, undefined)) {
      // A control key of a suspended owner can no more resume it than do anything else.
      if (bound === "globex" || (bound === OWN && verb === "resume")) continue;
      const { owner, targets, before, path, response } = await decide(held, (own) => (bound === null ? null : own));
      const covered = STRENGTHS.map(({ coveredBy }) => coveredBy(held));
      const forbidden = covered.filter((each) => !each).length;
      expect(await told(response, forbidden === 0 ? 200 : 202)).toMatchObject({ owner, status, forbidden });
      const after = await Promise.all(targets.map(recordOf));
      const changed = after.map((record, at) => record.revision - before[at]!.revision);
      expect([held, changed]).toEqual([held, covered.map(Number)]);

      // The admin reaches the rest.
      expect(await told(control("POST", path))).toMatchObject({ status, forbidden: 0 });
      const valid = await Promise.all(targets.map(async ({ key }) => (await verify(key))["valid"]));
      expect(valid).toEqual(targets.map(() => verb === "resume"));
    }
  });

  it("of another's owner is 404, and changes nothing", async () => {
    for (const held of ["rekey:keys:revoke", "rekey:*"]) {
      const { targets, before, response } = await decide(held, () => "somebody-else");
      expect(await told(response, 404)).toMatchObject({ code: "not-found" });
      expect(await Promise.all(targets.map(recordOf))).toEqual(before);
    }
  });
});

it("a control key of a suspended owner cannot resume it", async () => {
  const caller = await issue({ owner: "stopped", scopes: ["rekey:*"] });
  await told(control("POST", "/_rekey/v1/owners/stopped/suspend"));
  const call = { authorization: `Bearer ${caller.key}` };
  expect(await told(control("POST", "/_rekey/v1/owners/stopped/resume", call), 401)).toMatchObject({
    code: "owner-suspended",
  });
});

describe("a control key", () => {
  const list = (authorization: string, headers = {}) => control("GET", "/_rekey/v1/keys", { authorization, headers });

  it("is admitted by its own object, and refused for its own reasons", async () => {
    const key = await issue({
      scopes: ["rekey:keys:read"],
      allowedIps: ["203.0.113.7"],
      quota: { limit: 2, period: "day" },
    });
    const bearer = `Bearer ${key.key}`;
    const from = { "cf-connecting-ip": "203.0.113.7" };
    expect(await told(list(bearer), 403)).toMatchObject({ code: "ip-not-allowed" });
    const admitted = await list(bearer, from);
    expect(admitted.status).toBe(200);
    expect(admitted.headers.get("ratelimit-policy")).toBe('"quota";q=2;w=86400');
    expect(admitted.headers.get("ratelimit")).toMatch(/^"quota";r=1;t=\d+$/);
    // Admitted is admitted: what it asks for may still be refused.
    const refused = await control("GET", "/_rekey/v1/keys?x=1", { authorization: bearer, headers: from });
    expect([refused.status, refused.headers.get("ratelimit")?.slice(0, 11)]).toEqual([400, '"quota";r=0']);
    const spent = await list(bearer, from);
    expect(spent.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(await told(spent, 429)).toMatchObject({ code: "quota-exceeded", limit: "quota" });
    expect((await recordOf(key)).quota).toMatchObject({ used: 2 });

    const { key: second } = await told<Issued>(control("POST", keyPath(key, "/rotate")));
    expect(await told(list(bearer, from), 401)).toMatchObject({ code: "key-rotated" });
    await told(control("POST", keyPath(key, "/suspend")));
    expect(await told(list(`Bearer ${second}`, from), 401)).toMatchObject({ code: "key-suspended" });
    await told(control("POST", keyPath(key, "/revoke")));
    expect(await told(list(`Bearer ${second}`, from), 401)).toMatchObject({ code: "key-revoked" });
  });

  it("is named in the events of what it changes", async () => {
    const actor = await issue({ scopes: ["rekey:keys:rotate"] });
    const target = await issue();
    await told(control("POST", keyPath(target, "/rotate"), { authorization: `Bearer ${actor.key}` }));
    const { items } = await told<{ items: object[] }>(control("GET", keyPath(target, "/events")));
    expect(items).toMatchObject([{ actor: actor.record.id }, { actor: "admin" }]);
  });

  it("of which only the form is right asks nobody", async () => {
    const { key } = await issue({ scopes: ["rekey:*"] });
    const nobody = { KEYS: undefined as never, DB: undefined as never, OWNERS: undefined as never };
    const forged = key.slice(0, -8) + (key.at(-8) === "0" ? "1" : "0") + key.slice(-7);
    const call = { authorization: `Bearer ${forged}`, env: nobody };
    expect(await told(control("GET", "/_rekey/v1/keys", call), 401)).toMatchObject({ code: "invalid-key" });
  });

  it("is not taken from X-API-Key, and not twice", async () => {
    const { key } = await issue({ scopes: ["rekey:keys:read"] });
    const call = { authorization: null, headers: { "x-api-key": key } };
    expect(await told(control("GET", "/_rekey/v1/keys", call), 401)).toMatchObject({ code: "missing-credentials" });
    const twice = list(`Bearer ${key}, Bearer ${key}`);
    expect(await told(twice, 400)).toMatchObject({ code: "ambiguous-credentials" });
  });

  it("that does not see a key learns no more than that there is none", async () => {
    const [theirs, caller] = await Promise.all([
      issue({ owner: "globex" }),
      issue({ owner: OWN, scopes: ["rekey:*"] }),
    ]);
    const call = { authorization: `Bearer ${caller.key}` };
    const seen = async (response: Response) => [response.status, [...response.headers], await response.text()];
    for (const { method, path } of onOneKey) {
      const of = (id: string) => control(method, path.replace("{id}", id), call).then(seen);
      expect(await of(theirs.record.id), `${method} ${path}`).toEqual(await of("key_0000000000000404"));
    }
  });
});

describe("what an operator stopped, a control key cannot lift", () => {
  const tenantOf = async (owner: string | null) => ({
    authorization: `Bearer ${(await issue({ owner, scopes: ["rekey:*"] })).key}`,
  });
  const OPERATOR = {};
  const standingOf = async (target: Issued) => {
    const { status, ownerSuspended, expiresAt } = await recordOf(target);
    return { status, ownerSuspended, expiresAt };
  };
  const PAST = "2020-01-01T00:00:00Z";

  type Call = { readonly authorization?: string };
  type Way = {
    readonly stop: (target: Issued, call: Call) => Promise<Response>;
    readonly lift: (target: Issued, call: Call) => Promise<Response>;
  };
  const owners = (verb: string) => (target: Issued, call: Call) =>
    control("POST", `/_rekey/v1/owners/${target.record.owner}/${verb}`, call);
  const keys = (verb: string) => (target: Issued, call: Call) => control("POST", keyPath(target, `/${verb}`), call);
  const ends = (expiresAt: string | null) => (target: Issued, call: Call) =>
    control("PATCH", keyPath(target), { ...call, body: { expiresAt } });
  const WAYS: Readonly<Record<string, Way>> = {
    "a suspension": { stop: keys("suspend"), lift: keys("resume") },
    "a suspension of the owner": { stop: owners("suspend"), lift: owners("resume") },
    "an end that is past, by a later one": { stop: ends(PAST), lift: ends("2090-01-01T00:00:00Z") },
    "an end that is past, by none": { stop: ends(PAST), lift: ends(null) },
  };

  it.each(Object.entries(WAYS))("%s", async (_name, { stop, lift }) => {
    const target = await issue({ owner: `stopped-${crypto.randomUUID()}` });
    const tenant = await tenantOf(null);
    await told(stop(target, OPERATOR));
    const stopped = await standingOf(target);
    expect(await told(lift(target, tenant), 403)).toMatchObject({
      code: "forbidden",
      detail: expect.stringContaining("operator") as unknown,
    });
    // Nor by stopping it first, to lift what would be its own.
    await stop(target, tenant);
    expect(await told(lift(target, tenant), 403)).toMatchObject({ code: "forbidden" });
    expect(await standingOf(target)).toEqual(stopped);

    await told(lift(target, OPERATOR));
    expect(await verify(target.key)).toMatchObject({ valid: true });
  });

  it.each(Object.entries(WAYS))("but %s that is its own it can, until an operator says it too", async (_name, way) => {
    const target = await issue({ owner: `stopped-${crypto.randomUUID()}` });
    const tenant = await tenantOf(null);
    await told(way.stop(target, tenant));
    expect(await verify(target.key)).toMatchObject({ valid: false });
    await told(way.lift(target, tenant));
    expect(await verify(target.key)).toMatchObject({ valid: true });

    await told(way.stop(target, tenant));
    await told(way.stop(target, OPERATOR));
    expect(await told(way.lift(target, tenant), 403)).toMatchObject({ code: "forbidden" });
    expect(await verify(target.key)).toMatchObject({ valid: false });
  });

  it("an end that an operator set it moves up to there, also when it has brought it forward before", async () => {
    const target = await issue({ owner: OWN });
    const tenant = await tenantOf(OWN);
    await told(ends("2080-01-01T00:00:00Z")(target, OPERATOR));
    await told(ends("2070-01-01T00:00:00Z")(target, tenant));
    expect(await told(ends("2080-01-01T00:00:01Z")(target, tenant), 403)).toMatchObject({ code: "forbidden" });
    expect(await told(ends(null)(target, tenant), 403)).toMatchObject({ code: "forbidden" });
    await told(ends("2080-01-01T00:00:00Z")(target, tenant));
    expect((await recordOf(target)).expiresAt).toBe("2080-01-01T00:00:00.000Z");
  });

  it("a revocation nobody lifts", async () => {
    const target = await issue({ owner: OWN });
    await told(control("POST", keyPath(target, "/revoke")));
    for (const call of [await tenantOf(OWN), OPERATOR]) {
      expect(await told(control("POST", keyPath(target, "/resume"), call), 409)).toMatchObject({ code: "key-revoked" });
    }
  });
});

describe("a key that a control key made as strong as itself", () => {
  it.each(["rekey:*", "rekey:keys:*"])("changes its maker in nothing, with %s", async (scope) => {
    const maker = await issue({ owner: OWN, scopes: [scope], quota: { limit: 100, period: "none" } });
    const body = { name: "made", scopes: [scope] };
    const made = await told<Issued>(
      control("POST", "/_rekey/v1/keys", { authorization: `Bearer ${maker.key}`, body }),
      201,
    );
    const call = { authorization: `Bearer ${made.key}` };
    const { quota: _spent, lastUsedAt: _at, ...before } = await recordOf(maker);
    for (const [method, path, content] of [
      ["PATCH", "", { quota: null, scopes: ["*", "admin"] }],
      ["POST", "/credits", { add: 1000 }],
      ["POST", "/rotate", {}],
      ["POST", "/resume", {}],
    ] as const) {
      const answer = await told(control(method, keyPath(maker, path), { ...call, body: content }), 403);
      expect([path, answer]).toMatchObject([path, { code: "forbidden" }]);
    }
    const { quota, lastUsedAt: _later, ...after } = await recordOf(maker);
    expect([after, quota?.limit]).toEqual([before, 100]);
  });
});

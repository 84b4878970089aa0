import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { ROUTES } from "../../src/control/routes.ts";
import { ALERTS } from "../../src/key/suspicion-policy.ts";
import { shapeOf, spoilings } from "../support/bad-input.ts";
import { control, issue, keyPath, told, type Issued } from "../support/control.ts";

/*
 * Every property of every body, spoilt in every way that its schema forbids: what is refused is named, and nothing has
 * changed. Made from the route table, so that a new operation or a new property is tried without anybody thinking of it.
 */

const question = {
  key: "no key",
  cost: 1,
  reserve: 1,
  scopes: ["orders:read"],
  anyScope: ["orders:read"],
  ip: "203.0.113.7",
  request: { method: "GET", path: "/orders" },
  dryRun: true,
  explain: false,
};
const policy = {
  scopes: ["orders:read"],
  allowedIps: ["203.0.113.7"],
  quota: { limit: 5, period: "day", timezone: "UTC", refill: "add", cap: 9 },
  rateLimits: [{ name: "burst", algorithm: "bucket", limit: 5, windowSeconds: 60, unit: "request", burst: 5 }],
  rotation: { afterUses: 5, afterSeconds: 60, mode: "require", graceSeconds: 0 },
  maxConcurrent: 2,
  selfRotate: true,
  suspicion: Object.fromEntries(
    ALERTS.map((alert) => [
      alert,
      { threshold: 5, withinSeconds: 60, quietSeconds: 60, action: "suspend", off: false },
    ]),
  ),
  expiresAt: "2099-01-01T00:00:00Z",
  metadata: { plan: "pro" },
  boundary: {
    grantable: ["orders:read"],
    environments: ["live"],
    quota: { limit: 5, period: "day" },
    rateLimits: [{ name: "burst", algorithm: "bucket", limit: 5, windowSeconds: 60, unit: "request", burst: 5 }],
    maxConcurrent: 2,
    lifetimeSeconds: 60,
  },
};
/** A body with every property there is. Some that exclude each other stand in it together: only refusals are wanted. */
const GOOD: Readonly<Record<string, object>> = {
  verifyKey: question,
  verifyBatch: { items: [question] },
  createKey: {
    ...policy,
    name: "a key",
    owner: "acme",
    kind: "token",
    environment: "live",
    prefix: "rk_live",
    region: "weur",
    lifetimeSeconds: 60,
    maxLifetimeSeconds: 60,
    idleSeconds: 60,
    reserveSeconds: 60,
    onReservationTimeout: "charge",
  },
  amendKey: { ...policy, name: "a key" },
  rotateKey: { expectedVersion: 1, graceSeconds: 60, reason: "why" },
  settleReservation: { used: 1 },
  createWebhook: { url: "https://hooks.example.com", events: ["key.*"], description: "why", owner: "acme" },
  amendWebhook: { url: "https://hooks.example.com", events: ["key.*"], description: "why" },
  rotateWebhookSecret: { overlapSeconds: 60 },
  acknowledgeAlert: { note: "why" },
  creditKey: { add: 1, set: 1, reason: "why" },
  ...Object.fromEntries(
    [
      "revokeKey",
      "suspendKey",
      "resumeKey",
      "revokeOwner",
      "suspendOwner",
      "resumeOwner",
      "rotateSelf",
      "revokeSelf",
    ].map((operationId) => [operationId, { reason: "why" }]),
  ),
};

const withBody = ROUTES.filter(({ body }) => body !== undefined);

it("every operation with a body is tried", () => {
  expect(withBody.map(({ operationId }) => operationId).toSorted()).toEqual(Object.keys(GOOD).toSorted());
});

describe.each(withBody.map((route) => [route.operationId, route] as const))("%s", (operationId, route) => {
  // `key` is the question itself: any text is an answerable one.
  const all = spoilings(shapeOf(route.body!), GOOD[operationId]).filter(
    ({ path, how }) => !(/(?:^|\.)key$/.test(path) && /^(?:is "text"|is too long|has control characters)$/.test(how)),
  );

  it(`names what is wrong with a body that is spoilt in one of ${all.length} ways, and changes nothing`, async () => {
    const target = await issue({ owner: "acme", quota: { limit: 5, period: "none" } });
    const authorization = route.scope === "self" ? { authorization: `Bearer ${target.key}` } : {};
    const path = pathOf(route, target);
    const before = await stateOf(target);
    for (const { path: spoilt, how, body } of all) {
      const response = await control(route.method, path, { ...authorization, body });
      const what = `${spoilt} ${how}`;
      expect([what, response.status]).toEqual([what, 400]);
      const { code, errors } = await told<{ code: string; errors: { path: string }[] }>(response, 400);
      expect(code).toBe("invalid-request");
      const named = errors.map((error) => error.path);
      expect([what, named.some((each) => each.startsWith(spoilt))]).toEqual([what, true]);
    }
    expect(await stateOf(target)).toEqual(before);
  });
});

/** Where a call goes: to this key where it is about a key, to its owner, or to something else that is not there. */
const pathOf = ({ path }: (typeof ROUTES)[number], { record }: Issued): string =>
  path
    .replace("reservations/{id}", "reservations/res_0000000000000000_0000000000000000")
    .replace("webhooks/{id}", "webhooks/wh_0000000000000000")
    .replace("{deliveryId}", "evt_0000000000000000_1")
    .replace("alerts/{id}", "alerts/alert_0000000000000000_1")
    .replace("{id}", record.id)
    .replace("{owner}", "acme");

async function stateOf(target: Issued): Promise<unknown> {
  return {
    record: await told(control("GET", keyPath(target))),
    keys: await env.DB.prepare("SELECT count(*) AS keys FROM keys").first(),
    events: await env.DB.prepare("SELECT count(*) AS events FROM events").first(),
    webhooks: await env.DB.prepare("SELECT count(*) AS webhooks FROM webhooks").first(),
  };
}

describe("a header that cannot be read", () => {
  const KEY = "3f8a1c1e-0f5b-4a61-9d3e-7a1f0c2b4d5e";
  const UNREADABLE = {
    "idempotency-key": [
      "",
      KEY.slice(1),
      `${KEY} ${KEY}`,
      "x".repeat(256),
      `${KEY}, ${KEY}`,
      KEY + "x".repeat(256),
      // What can be guessed: whoever has the header can have the secret again.
      "rotate-2020-01-02",
      "0123456789abcdef",
      "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
      "the-same-for-every-call",
    ],
    "if-match": ["", "17", '"17', '17"', '"17", "18"', "W/17", "'17'", "*, *"],
  };

  it.each(ROUTES.flatMap((route) => (route.heeds ?? []).map((header) => [route.operationId, header, route] as const)))(
    "%s refuses an %s that is none, names it, and changes nothing",
    async (_operationId, header, route) => {
      const target = await issue({ quota: { limit: 5, period: "none" } });
      const authorization = route.scope === "self" ? { authorization: `Bearer ${target.key}` } : {};
      const path = pathOf(route, target);
      const before = await stateOf(target);
      for (const value of UNREADABLE[header]) {
        const call = { ...authorization, headers: { [header]: value }, body: { name: "a key", add: 1 } };
        const { errors } = await told<{ errors: { path: string }[] }>(control(route.method, path, call), 400);
        expect(errors.map((error) => error.path.toLowerCase())).toContain(header);
      }
      expect(await stateOf(target)).toEqual(before);
    },
  );
});

describe("a header that is not heeded", () => {
  const CHANGES = ROUTES.filter(({ method, heeds = [] }) => method !== "GET" && !heeds.includes("if-match"));

  it.each(CHANGES.map((route) => [route.operationId, route] as const))(
    "%s makes no change on a condition that it would not judge: If-Match is refused",
    async (_operationId, route) => {
      const target = await issue({ owner: "acme" });
      // One that DELETE would purge.
      if (route.method === "DELETE") await told(control("POST", keyPath(target, "/revoke")));
      const authorization = route.scope === "self" ? { authorization: `Bearer ${target.key}` } : {};
      const path = pathOf(route, target);
      const before = await stateOf(target);
      const call = { ...authorization, headers: { "if-match": '"1"' }, ...(route.body && { body: {} }) };
      const { errors } = await told<{ errors: object[] }>(control(route.method, path, call), 400);
      expect(errors).toContainEqual({ path: "If-Match", message: "is not heeded here" });
      expect(await stateOf(target)).toEqual(before);
    },
  );

  it("credits cannot be repeated by an Idempotency-Key, so nobody is let to believe it", async () => {
    const target = await issue({ quota: { limit: 5, period: "none" } });
    const before = await stateOf(target);
    const call = { headers: { "idempotency-key": "0123456789abcdef" }, body: { add: 1 } };
    expect(await told(control("POST", keyPath(target, "/credits"), call), 400)).toMatchObject({
      errors: [{ path: "Idempotency-Key", message: "is not heeded here" }],
    });
    expect(await stateOf(target)).toEqual(before);
  });

  it("an Idempotency-Key changes nothing where a call may be repeated anyway, nor does any condition of a read", async () => {
    const target = await issue();
    const headers = { "idempotency-key": "0123456789abcdef" };
    expect((await control("POST", keyPath(target, "/suspend"), { headers })).status).toBe(200);
    expect((await control("PATCH", keyPath(target), { headers, body: { name: "another" } })).status).toBe(200);
    expect((await control("GET", keyPath(target), { headers: { "if-match": '"99"' } })).status).toBe(200);
  });
});

it.each([".", ".."])(
  "an owner %j is refused: no path could name them, and so no order stop their keys",
  async (owner) => {
    const { errors } = await told<{ errors: object[] }>(
      control("POST", "/_rekey/v1/keys", { body: { name: "a key", owner } }),
      400,
    );
    expect(errors).toEqual([{ path: "owner", message: "must not be . or .., which no path can name" }]);
    expect((await control("POST", "/_rekey/v1/keys", { body: { name: "a key", owner: `${owner}.a` } })).status).toBe(
      201,
    );
  },
);

describe("a query", () => {
  it.each(ROUTES.filter(({ query }) => query !== undefined).map((route) => [route.operationId, route] as const))(
    "%s: every parameter out of bounds is named",
    async (_operationId, route) => {
      const names = Object.keys(shapeOf(route.query!).properties ?? {});
      const target = await issue();
      const path = pathOf(route, target);
      for (const name of names) {
        for (const value of ["", "\u0007", "x y/\u00ff".repeat(200)]) {
          const query = new URLSearchParams({ [name]: value }).toString();
          const { errors } = await told<{ errors: { path: string }[] }>(control("GET", `${path}?${query}`), 400);
          expect(errors.map((error) => error.path)).toEqual([name]);
        }
      }
    },
  );
});

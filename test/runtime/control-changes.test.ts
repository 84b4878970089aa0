import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { KeyRecordJson } from "../../src/control/schema/record.ts";
import { control, issue, keyPath, told, verify, type Issued } from "../support/control.ts";

const read = (issued: Issued): Promise<KeyRecordJson> => told(control("GET", keyPath(issued)));
const amend = (issued: Issued, body: object, headers: Record<string, string> = {}) =>
  control("PATCH", keyPath(issued), { body, headers });
const post = (issued: Issued, what: string, body?: object, headers: Record<string, string> = {}) =>
  control("POST", keyPath(issued, `/${what}`), { ...(body !== undefined && { body }), headers });
const eventsOf = async (issued: Issued) =>
  (await told<{ items: Record<string, unknown>[] }>(control("GET", keyPath(issued, "/events")))).items;

const POLICY = {
  name: "renamed",
  scopes: ["orders:*"],
  allowedIps: ["203.0.113.0/24"],
  quota: { limit: 9, period: "month", timezone: "UTC" },
  rateLimits: [{ name: "burst", algorithm: "window", limit: 7, windowSeconds: 60, unit: "request" }],
  selfRotate: false,
  expiresAt: "2099-01-01T00:00:00.000Z",
  metadata: { plan: "pro" },
};

describe("an amendment", () => {
  it("replaces what it names, whole, and answers the record tagged with its new revision", async () => {
    const issued = await issue({ metadata: { old: true }, scopes: ["a", "b"] });
    const response = await amend(issued, POLICY);
    expect(response.headers.get("etag")).toBe('"2"');
    const record = await told<KeyRecordJson>(response);
    expect(record).toMatchObject({
      ...POLICY,
      quota: { ...POLICY.quota, used: 0, remaining: 9 },
      rateLimits: [{ ...POLICY.rateLimits[0], remaining: 7 }],
      revision: 2,
      version: 1,
    });
    expect(record.metadata).toEqual({ plan: "pro" });
    expect(await read(issued)).toEqual(record);
  });

  it.each(Object.keys(POLICY))("of %s alone leaves everything else as it is", async (field) => {
    const issued = await issue(POLICY);
    const before = await read(issued);
    const other = { ...POLICY, name: "x", scopes: [], allowedIps: null, quota: null, rateLimits: [], selfRotate: true };
    const value = { ...other, expiresAt: null, metadata: {} }[field as keyof typeof POLICY];
    const after = await told<KeyRecordJson>(amend(issued, { [field]: value }));
    expect(after).toEqual({ ...before, [field]: value, revision: 2 });
  });

  it("holds from the moment it answered", async () => {
    const issued = await issue({ scopes: ["orders:read"] });
    expect(await verify(issued.key, { scopes: ["orders:read"] })).toMatchObject({ valid: true });
    await told(amend(issued, { scopes: ["orders:write"] }));
    expect(await verify(issued.key, { scopes: ["orders:read"] })).toMatchObject({ code: "insufficient-scope" });
    await told(amend(issued, { allowedIps: ["203.0.113.9"] }));
    expect(await verify(issued.key, { ip: "203.0.113.8" })).toMatchObject({ code: "ip-not-allowed" });
  });

  it("that changes nothing is no change: no revision, no event", async () => {
    const issued = await issue(POLICY);
    for (const body of [{}, POLICY, { name: "renamed" }]) {
      const response = await amend(issued, body);
      expect([response.status, response.headers.get("etag")]).toEqual([200, '"1"']);
    }
    expect(await eventsOf(issued)).toHaveLength(1);
  });

  it("is told in the history with what was and what is, times as times", async () => {
    const issued = await issue({ metadata: { a: 1 } });
    await told(amend(issued, { name: "b", expiresAt: "2099-01-01T00:00:00Z", metadata: { a: 2 } }));
    expect((await eventsOf(issued))[0]).toMatchObject({
      type: "key.amended",
      actor: "admin",
      detail: {
        name: { before: "a key", after: "b" },
        expiresAt: { before: null, after: "2099-01-01T00:00:00.000Z" },
        metadata: { before: { a: 1 }, after: { a: 2 } },
      },
    });
  });

  it("with If-Match changes the revision it names, and no other", async () => {
    const issued = await issue();
    expect(await told(amend(issued, { name: "b" }, { "if-match": '"1"' }))).toMatchObject({ revision: 2 });
    for (const stale of ['"1"', '"3"', 'W/"2"', '"two"', '""']) {
      const refused = await told(amend(issued, { name: "c" }, { "if-match": stale }), 412);
      expect([stale, refused]).toMatchObject([stale, { code: "precondition-failed" }]);
    }
    expect(await read(issued)).toMatchObject({ name: "b", revision: 2 });
    expect(await told(amend(issued, { name: "c" }, { "if-match": "*" }))).toMatchObject({ revision: 3 });
    // A use changes no revision: whoever reads and then amends does not lose to traffic.
    await verify(issued.key);
    expect(await told(amend(issued, { name: "d" }, { "if-match": '"3"' }))).toMatchObject({ revision: 4 });
  });

  it("with If-Match by ten at once is made by one", async () => {
    const issued = await issue();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) => amend(issued, { name: `by ${at}` }, { "if-match": '"1"' })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 412)).toHaveLength(9);
    expect(await eventsOf(issued)).toHaveLength(2);
  });

  it("is not for a revoked key, and may revive an expired one", async () => {
    const issued = await issue();
    await told(amend(issued, { expiresAt: "2020-01-01T00:00:00Z" }));
    expect(await verify(issued.key)).toMatchObject({ code: "key-expired" });
    expect(await told(amend(issued, { name: "while expired" }))).toMatchObject({ status: "expired" });
    expect(await told(amend(issued, { expiresAt: null }))).toMatchObject({ status: "active" });
    expect(await verify(issued.key)).toMatchObject({ valid: true });
    await told(post(issued, "revoke"));
    expect(await told(amend(issued, { name: "b" }), 409)).toMatchObject({ code: "key-revoked" });
  });

  it("keeps what was used, unless the period of the quota changes", async () => {
    const burst = { name: "burst", algorithm: "window", limit: 5, windowSeconds: 3600 };
    const issued = await issue({ quota: { limit: 5, period: "day" }, rateLimits: [burst] });
    await verify(issued.key, { cost: 3 });
    const amended = await told<KeyRecordJson>(
      amend(issued, {
        quota: { limit: 4, period: "day" },
        rateLimits: [
          { ...burst, name: "other" },
          { ...burst, limit: 2 },
        ],
      }),
    );
    expect(amended.quota).toMatchObject({ used: 3, remaining: 1 });
    expect(amended.rateLimits.map(({ remaining }) => remaining)).toEqual([5, 1]);
    expect(await told(amend(issued, { quota: { limit: 4, period: "month" } }))).toMatchObject({ quota: { used: 0 } });
  });

  it("is in the ledger when it has answered", async () => {
    const issued = await issue();
    await told(amend(issued, { name: "findable", metadata: { a: 1 } }));
    const { items } = await told<{ items: object[] }>(control("GET", "/_rekey/v1/keys?search=FINDABLE"));
    expect(items).toMatchObject([{ id: issued.record.id, name: "findable", metadata: { a: 1 }, revision: 2 }]);
  });
});

describe("credits", () => {
  const balance = (limit = 5) => issue({ quota: { limit, period: "none" } });

  it("raise what remains, or set it; what was used stays on the record", async () => {
    const issued = await balance();
    await verify(issued.key, { cost: 5 });
    expect(await verify(issued.key)).toMatchObject({ code: "quota-exceeded" });
    expect(await told(post(issued, "credits", { add: 10 }))).toMatchObject({
      quota: { limit: 15, used: 5, remaining: 10 },
    });
    expect(await told(post(issued, "credits", { set: 2 }))).toMatchObject({
      quota: { limit: 7, used: 5, remaining: 2 },
    });
    expect(await verify(issued.key, { cost: 2 })).toMatchObject({ valid: true });
    expect(await verify(issued.key)).toMatchObject({ code: "quota-exceeded" });
    expect(await told(post(issued, "credits", { set: 0 }))).toMatchObject({ quota: { remaining: 0 } });
  });

  it("by many at once are all added, none twice", async () => {
    const issued = await balance();
    await Promise.all(Array.from({ length: 20 }, () => told(post(issued, "credits", { add: 3 }))));
    expect((await read(issued)).quota).toMatchObject({ limit: 65, remaining: 65 });
  });

  it.each([
    ["no quota", {}],
    ["a quota that refills", { quota: { limit: 5, period: "day" } }],
  ])("are a conflict on a key with %s", async (_name, body) => {
    const issued = await issue(body);
    expect(await told(post(issued, "credits", { add: 1 }), 409)).toMatchObject({ code: "conflict" });
    expect(await eventsOf(issued)).toHaveLength(1);
  });

  it("are no more than a limit may be, and not for a revoked key", async () => {
    const issued = await balance();
    expect(await told(post(issued, "credits", { add: 1e12 }), 409)).toMatchObject({ code: "conflict" });
    await told(post(issued, "revoke"));
    expect(await told(post(issued, "credits", { add: 1 }), 409)).toMatchObject({ code: "key-revoked" });
  });

  it.each([{}, { add: 1, set: 1 }, { reason: "why" }])("need exactly one of add and set: %o", async (body) => {
    expect(await told(post(await balance(), "credits", body), 400)).toMatchObject({
      errors: [{ path: "", message: "must have either add or set" }],
    });
  });
});

describe("a purge", () => {
  const purge = (issued: Issued) => control("DELETE", keyPath(issued));

  it("of a key that could still be used is a conflict, and changes nothing", async () => {
    const issued = await issue();
    expect(await told(purge(issued), 409)).toMatchObject({ code: "conflict" });
    await told(post(issued, "suspend"));
    expect(await told(purge(issued), 409)).toMatchObject({ code: "conflict" });
    expect(await read(issued)).toMatchObject({ status: "suspended", revision: 2 });
  });

  it.each([
    ["revoked", (issued: Issued) => post(issued, "revoke")],
    ["expired", (issued: Issued) => amend(issued, { expiresAt: "2020-01-01T00:00:00Z" })],
  ])("of a key that is %s leaves nothing to read: 204, again 204, then 404", async (_name, end) => {
    const issued = await issue({ name: "canary-name", owner: "canary-owner", metadata: { canary: true } });
    await told(end(issued));
    for (let time = 0; time < 2; time++) {
      const response = await purge(issued);
      expect([response.status, await response.text()]).toEqual([204, ""]);
    }
    expect(await told(control("GET", keyPath(issued)), 404)).toMatchObject({ code: "not-found" });
    for (const [method, rest] of [
      ["GET", "/events"],
      ["POST", "/revoke"],
      ["POST", "/rotate"],
    ] as const) {
      expect((await control(method, keyPath(issued, rest))).status).toBe(404);
    }
    expect(await verify(issued.key)).toEqual({
      valid: false,
      code: "invalid-key",
      requestId: "req_test",
      decision: null,
    });
    const ledger = await Promise.all(
      ["SELECT * FROM keys WHERE id = ?", "SELECT * FROM events WHERE key_id = ?"].map(async (sql) =>
        JSON.stringify((await env.DB.prepare(sql).bind(issued.record.id).all()).results),
      ),
    );
    expect(ledger.join()).not.toContain("canary");
    expect(ledger[1]).toContain("key.purged");
  });

  it("of an id that never was a key is 404", async () => {
    expect((await control("DELETE", "/_rekey/v1/keys/key_0000000000000404")).status).toBe(404);
  });
});

describe("environments", () => {
  it("are in the record, begin the key's text, are found by the list, and never change", async () => {
    const test = await issue({ environment: "test" });
    const live = await issue({ environment: "live" });
    expect([test.record.environment, live.record.environment]).toEqual(["test", "live"]);
    expect([test.key.slice(0, 8), live.key.slice(0, 8)]).toEqual(["rk_test_", "rk_live_"]);
    expect((await issue({ environment: "test", prefix: "mine" })).key).toMatch(/^mine_1/);
    const { items } = await told<{ items: { id: string; environment: string }[] }>(
      control("GET", "/_rekey/v1/keys?environment=test&limit=200"),
    );
    expect(items.map(({ id }) => id)).toContain(test.record.id);
    expect(new Set(items.map(({ environment }) => environment))).toEqual(new Set(["test"]));
    expect(await told(amend(test, { environment: "live" }), 400)).toMatchObject({ errors: [{ path: "environment" }] });
  });

  it.each([
    ["rk_live", "rk_test_"],
    ["live", "test_"],
    ["acme", "acme_test_"],
    ["golive", "golive_test_"],
    ["abcdefghijklmnopqrst", "abcdefghijklmno_test_"],
  ])("with the prefix %s a test key begins with %s", async (prefix, begins) => {
    const { keyPrefixes } = (await import("../../src/env.ts")).requireConfig({ ...env, KEY_PREFIX: prefix });
    const body = { name: "a key", environment: "test" };
    const { key } = await told<Issued>(control("POST", "/_rekey/v1/keys", { body, config: { keyPrefixes } }), 201);
    expect(key.startsWith(`${begins}1`)).toBe(true);
    expect(await verify(key)).toMatchObject({ valid: true });
  });
});

describe("a batch of verifications", () => {
  const ask = (items: object[]) =>
    told<{ items: Record<string, unknown>[] }>(control("POST", "/_rekey/v1/verify/batch", { body: { items } }));

  it("is answered in the order of its questions, each by its own key's object", async () => {
    const [a, b, revoked] = await Promise.all([issue(), issue({ quota: { limit: 1, period: "day" } }), issue()]);
    await told(post(revoked, "revoke"));
    const { items } = await ask([
      { key: b.key },
      { key: "junk" },
      { key: a.key, scopes: ["orders:read"] },
      { key: revoked.key },
      { key: a.key, cost: 0 },
    ]);
    expect(items).toMatchObject([
      { valid: true, keyId: b.record.id },
      { valid: false, code: "invalid-key", decision: null },
      { valid: false, code: "insufficient-scope", keyId: a.record.id },
      { valid: false, code: "key-revoked", keyId: revoked.record.id },
      { valid: true, keyId: a.record.id },
    ]);
  });

  it("spends exactly what it admits, also of one key asked about many times", async () => {
    const issued = await issue({ quota: { limit: 50, period: "day" } });
    const { items } = await ask(Array.from({ length: 100 }, () => ({ key: issued.key })));
    expect(items.filter(({ valid }) => valid)).toHaveLength(50);
    expect((await read(issued)).quota).toMatchObject({ used: 50, remaining: 0 });
  });

  it("may be empty, and has at most 100", async () => {
    expect(await ask([])).toEqual({ items: [] });
    const body = { items: Array.from({ length: 101 }, () => ({ key: "x" })) };
    expect(await told(control("POST", "/_rekey/v1/verify/batch", { body }), 400)).toMatchObject({
      errors: [{ path: "items", message: "must have at most 100 items" }],
    });
  });

  it("says which question could not be answered, and answers the others", async () => {
    const [a, b] = await Promise.all([issue(), issue()]);
    const KEYS = {
      getByName: (id: string) => (id === a.record.id ? { admit: () => new Promise(() => {}) } : env.KEYS.getByName(id)),
    } as unknown as typeof env.KEYS;
    const call = {
      body: { items: [{ key: a.key }, { key: b.key }] },
      env: { KEYS },
      config: { decisionTimeoutMs: 50 },
    };
    const { items } = await told<{ items: object[] }>(control("POST", "/_rekey/v1/verify/batch", call));
    expect(items).toMatchObject([{ valid: false, code: "unavailable", decision: null }, { valid: true }]);
  });
});

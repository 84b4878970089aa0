import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { judge } from "../../src/control/faults.ts";
import { pageOf } from "../../src/control/page.ts";
import { event } from "../../src/control/schema/event.ts";
import { keyRecord, listedKey } from "../../src/control/schema/record.ts";
import type { EventsAsk, KeyRpc } from "../../src/key-object/rpc.ts";
import { digestOf } from "../../src/key/digest.ts";
import { control, issue, keyPath, told, verify, type Issued } from "../support/control.ts";

type Page = { items: Record<string, unknown>[]; nextCursor: string | null; asOf: string };

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string;
const FULL = {
  name: "billing worker",
  owner: "acme",
  prefix: "bill_live",
  lifetimeSeconds: 3600,
  scopes: ["orders:read", "orders:*"],
  allowedIps: ["203.0.113.0/24", "2001:db8::/32"],
  quota: { limit: 50, period: "day" },
  rateLimits: [{ name: "burst", algorithm: "window", limit: 100, windowSeconds: 60 }],
  selfRotate: false,
  metadata: { plan: "pro", deep: { list: [1, null, "ü"] } },
};

/** The tables in the storage of an object: none means that nothing was ever written there. */
const tablesOf = (keyId: string) =>
  runInDurableObject(env.KEYS.getByName(keyId), (_object, { storage }) =>
    storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_%' ESCAPE '\\'").toArray(),
  );

describe("create", () => {
  it("answers the credential once, the whole record, and where it is", async () => {
    const response = await control("POST", "/_rekey/v1/keys", { body: FULL });
    const { key, record } = await told<Issued>(response.clone(), 201);
    expect(key).toMatch(/^bill_live_1a[0-9A-Za-z]+$/);
    expect(record).toEqual({
      id: expect.stringMatching(/^key_[0-9A-Za-z]{16}$/) as string,
      name: "billing worker",
      owner: "acme",
      kind: "token",
      environment: "live",
      prefix: "bill_live",
      pepper: "a",
      hint: `…${key.slice(-4)}`,
      version: 1,
      revision: 1,
      status: "active",
      ownerSuspended: false,
      createdAt: TIME,
      rotatedAt: null,
      revokedAt: null,
      lastUsedAt: null,
      expiresAt: new Date(Date.parse(record.createdAt) + 3_600_000).toISOString(),
      scopes: ["orders:read", "orders:*"],
      allowedIps: ["203.0.113.0/24", "2001:db8::/32"],
      lifetimeSeconds: 3600,
      maxLifetimeSeconds: null,
      idleSeconds: null,
      quota: {
        limit: 50,
        period: "day",
        timezone: "UTC",
        refill: "reset",
        cap: null,
        used: 0,
        remaining: 50,
        resetsAt: TIME,
      },
      rateLimits: [
        {
          name: "burst",
          algorithm: "window",
          limit: 100,
          windowSeconds: 60,
          unit: "request",
          remaining: 100,
          resetsAt: null,
        },
      ],
      rotation: null,
      maxConcurrent: null,
      reserveSeconds: 300,
      onReservationTimeout: "charge",
      selfRotate: false,
      suspicion: null,
      metadata: FULL.metadata,
      boundary: null,
    });
    expect(response.headers.get("location")).toBe(`/_rekey/v1/keys/${record.id}`);
    expect(response.headers.get("rekey-decision")).toMatch(/^\d+\.\d+$/);
  });

  it("needs a name only, and takes the deployment's prefix", async () => {
    const { key, record } = await issue();
    expect(key).toMatch(/^rk_live_/);
    expect(record).toMatchObject({
      owner: null,
      scopes: [],
      allowedIps: null,
      quota: null,
      rateLimits: [],
      expiresAt: null,
    });
    expect(record).toMatchObject({ selfRotate: true, metadata: {}, kind: "token" });
  });

  it("takes a fixed end in any zone and tells it in UTC", async () => {
    const { record } = await issue({ expiresAt: "2099-01-31T12:00:00+02:00" });
    expect(record.expiresAt).toBe("2099-01-31T10:00:00.000Z");
  });

  it("carries metadata as it is, names that JavaScript knows included, and pollutes nothing", async () => {
    const metadata = '{"__proto__":{"admin":true},"constructor":"c","toString":1,"a":{"__proto__":null}}';
    const body = `{"name":"a key","metadata":${metadata}}`;
    const response = await control("POST", "/_rekey/v1/keys", { body });
    expect(await response.clone().text()).toContain(`"metadata":${metadata}`);
    const id = (await told<Issued>(response, 201)).record.id;
    expect(await (await control("GET", `/_rekey/v1/keys/${id}`)).text()).toContain(`"metadata":${metadata}`);
    // The ledger is told before the answer only if it is quick.
    const listed = async () => (await control("GET", "/_rekey/v1/keys")).text();
    await expect.poll(listed, { timeout: 20_000 }).toContain(`"metadata":${metadata}`);
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });

  it("carries metadata nested as deep as it may be", async () => {
    const metadata = `{"a":${"[".repeat(31)}${"]".repeat(31)}}`;
    const { record } = await told<Issued>(
      control("POST", "/_rekey/v1/keys", { body: `{"name":"a key","metadata":${metadata}}` }),
      201,
    );
    expect(await (await control("GET", `/_rekey/v1/keys/${record.id}`)).text()).toContain(`"metadata":${metadata}`);
  });

  it("that is at fault issues nothing", async () => {
    const before = await env.DB.prepare("SELECT count(*) AS count FROM keys").first();
    const refused = await told(control("POST", "/_rekey/v1/keys", { body: { name: 1, color: "red" } }), 400);
    expect(refused).toMatchObject({
      type: "/_rekey/problems/invalid-request",
      code: "invalid-request",
      errors: [
        { path: "name", message: "must be a string" },
        { path: "color", message: "is not known here" },
      ],
    });
    expect(await env.DB.prepare("SELECT count(*) AS count FROM keys").first()).toEqual(before);
  });
});

describe("get", () => {
  it("reads the key as it is now, tagged with its revision, and spends nothing", async () => {
    const issued = await issue(FULL);
    await verify(issued.key, { scopes: ["orders:read"], ip: "203.0.113.9", cost: 3 });
    for (let time = 0; time < 2; time++) {
      const response = await control("GET", keyPath(issued));
      expect(response.headers.get("etag")).toBe('"1"');
      const record = await told(response);
      expect(record).toMatchObject({
        lastUsedAt: TIME,
        quota: { used: 3, remaining: 47 },
        rateLimits: [{ remaining: 99 }],
      });
      expect(judge(keyRecord, record)).toMatchObject({ ok: true });
    }
  });

  it.each(["key_0000000000000000", "key_short", "key_00000000000000-0", "%6bey", "..%2fkeys"])(
    "of %s, which is no key, is 404",
    async (id) => {
      expect(await told(control("GET", `/_rekey/v1/keys/${id}`), 404)).toMatchObject({ code: "not-found" });
    },
  );
});

describe("rotate", () => {
  const rotate = (issued: Issued, body?: object) => control("POST", keyPath(issued, "/rotate"), { body });

  it("answers a new credential, and the old one is dead", async () => {
    const issued = await issue();
    const rotated = await told<Issued & { retired: object }>(rotate(issued));
    expect(rotated.key).not.toBe(issued.key);
    expect(rotated.record).toMatchObject({
      version: 2,
      revision: 2,
      rotatedAt: TIME,
      hint: `…${rotated.key.slice(-4)}`,
    });
    expect(rotated.retired).toEqual({ version: 1, validUntil: rotated.record.rotatedAt });
    expect(await verify(issued.key)).toMatchObject({ valid: false, code: "key-rotated", version: 1 });
    expect(await verify(rotated.key)).toMatchObject({ valid: true, version: 2 });
  });

  it("of a stale version changes nothing and tells the version that holds", async () => {
    const issued = await issue();
    const { key } = await told<Issued>(rotate(issued, { expectedVersion: 1 }));
    const refused = await rotate(issued, { expectedVersion: 1 });
    expect(refused.headers.get("rekey-decision")).toMatch(/^\d+\.\d+$/);
    expect(await told(refused, 409)).toMatchObject({ code: "version-conflict", status: 409, currentVersion: 2 });
    expect(await verify(key)).toMatchObject({ valid: true, version: 2 });
  });

  it("with grace tells until when the old one lives", async () => {
    const issued = await issue();
    const { record, retired } = await told<Issued & { retired: object }>(rotate(issued, { graceSeconds: 60 }));
    const validUntil = new Date(Date.parse(record.rotatedAt!) + 60_000).toISOString();
    expect(retired).toEqual({ version: 1, validUntil });
    expect(await verify(issued.key)).toMatchObject({ valid: true, version: 1 });
  });

  it("of a revoked key is 409, and it is told why", async () => {
    const issued = await issue();
    await told(control("POST", keyPath(issued, "/revoke")));
    expect(await told(rotate(issued), 409)).toMatchObject({ code: "key-revoked", status: 409 });
  });
});

describe("revoke, suspend, resume", () => {
  const change = (issued: Issued, name: string, body?: object) =>
    control("POST", keyPath(issued, `/${name}`), { body });

  it("change the standing and answer the record as it is afterwards", async () => {
    const issued = await issue();
    expect(await told(change(issued, "suspend"))).toMatchObject({ status: "suspended", revision: 2 });
    expect(await verify(issued.key)).toMatchObject({ valid: false, code: "key-suspended" });
    expect(await told(change(issued, "resume"))).toMatchObject({ status: "active", revision: 3 });
    expect(await verify(issued.key)).toMatchObject({ valid: true });
    expect(await told(change(issued, "revoke"))).toMatchObject({ status: "revoked", revision: 4, revokedAt: TIME });
    expect(await verify(issued.key)).toMatchObject({ valid: false, code: "key-revoked" });
  });

  it("may be repeated: a second revoke is the first one told again", async () => {
    const issued = await issue();
    const first = await told(change(issued, "revoke"));
    expect(await told(change(issued, "revoke"))).toEqual(first);
  });

  it("do not bring back a revoked key", async () => {
    const issued = await issue();
    await told(change(issued, "revoke"));
    for (const name of ["suspend", "resume"]) {
      expect(await told(change(issued, name), 409)).toMatchObject({ code: "key-revoked" });
    }
  });

  it("of an id without a key are 404, and no key comes of it", async () => {
    const path = "/_rekey/v1/keys/key_0000000000000404";
    const asked = [
      control("GET", path),
      control("GET", `${path}/events`),
      ...["rotate", "revoke", "suspend", "resume"].map((name) => control("POST", `${path}/${name}`)),
    ];
    for (const response of asked) expect(await told(response, 404)).toMatchObject({ code: "not-found" });
    expect(await tablesOf("key_0000000000000404")).toEqual([]);
    expect(await tablesOf((await issue()).record.id)).not.toEqual([]);
  });
});

describe("events", () => {
  const events = (issued: Issued, query = "") => told<Page>(control("GET", keyPath(issued, `/events${query}`)));

  it("tell what happened, newest first: what, when, who, from where and why", async () => {
    const issued = await issue();
    const headers = { "cf-connecting-ip": "203.0.113.7", "user-agent": "curl/8.9" };
    const reason = `leaked ${issued.key} in a ticket`;
    const rotation = await told<Issued>(
      control("POST", keyPath(issued, "/rotate"), { headers, body: { graceSeconds: 60, reason } }),
    );
    const { items, nextCursor } = await events(issued);
    expect(nextCursor).toBeNull();
    expect(items).toEqual([
      {
        sequence: 2,
        type: "key.rotated",
        at: TIME,
        actor: "admin",
        requestId: "req_test",
        ip: "203.0.113.7",
        userAgent: "curl/8.9",
        country: null,
        detail: {
          version: { before: 1, after: 2 },
          hint: { before: `…${issued.key.slice(-4)}`, after: `…${rotation.key.slice(-4)}` },
          retiredValidUntil: TIME,
          // A reason tends to quote the credential it is about; an event must not keep it.
          reason: `leaked [redacted …${issued.key.slice(-4)}] in a ticket`,
        },
      },
      expect.objectContaining({
        sequence: 1,
        type: "key.created",
        ip: null,
        userAgent: null,
        detail: { version: 1, name: "a key", scopes: [] },
      }),
    ]);
    expect(judge(pageOf(event), await events(issued))).toMatchObject({ ok: true });
  });

  it("are the same from the ledger", async () => {
    const issued = await issue();
    await told(control("POST", keyPath(issued, "/suspend")));
    const { results } = await env.DB.prepare("SELECT sequence, type FROM events WHERE key_id = ? ORDER BY sequence")
      .bind(issued.record.id)
      .all();
    expect(results).toEqual([
      { sequence: 1, type: "key.created" },
      { sequence: 2, type: "key.suspended" },
    ]);
  });

  it("come in pages that meet", async () => {
    const issued = await issue();
    for (let time = 0; time < 4; time++) await told(control("POST", keyPath(issued, "/rotate")));
    const seen: unknown[] = [];
    let query = "?limit=2";
    for (let pages = 0; pages < 4; pages++) {
      const { items, nextCursor } = await events(issued, query);
      seen.push(...items.map(({ sequence }) => sequence));
      if (nextCursor === null) break;
      query = `?limit=2&cursor=${nextCursor}`;
    }
    expect(seen).toEqual([5, 4, 3, 2, 1]);
  });

  it("that the object no longer holds come from the ledger", async () => {
    const issued = await issue();
    for (let time = 0; time < 4; time++) await told(control("POST", keyPath(issued, "/rotate")));
    // An object that kept its newest two events only.
    const real = env.KEYS.getByName(issued.record.id) as unknown as KeyRpc;
    const forgetful = {
      events: async (page: EventsAsk) => {
        const answer = await real.events(page);
        return answer.reached ? { ...answer, events: answer.events.filter(({ sequence }) => sequence > 3) } : answer;
      },
    };
    const KEYS = { getByName: () => forgetful } as unknown as typeof env.KEYS;
    const seen: unknown[][] = [];
    for (let query = "?limit=3"; seen.length < 4;) {
      const page = await told<Page>(control("GET", keyPath(issued, `/events${query}`), { env: { KEYS } }));
      seen.push(page.items.map(({ sequence }) => sequence));
      if (page.nextCursor === null) break;
      query = `?limit=3&cursor=${page.nextCursor}`;
    }
    expect(seen).toEqual([
      [5, 4],
      [3, 2, 1],
    ]);
  });
});

describe("list", () => {
  const list = (query = "") => told<Page>(control("GET", `/_rekey/v1/keys${query}`));
  const ids = async (query = "") => (await list(query)).items.map(({ id }) => id);

  beforeEach(async () => {
    await env.DB.prepare("DELETE FROM keys").run();
  });

  it("shows a key from the moment its create answered, and every change of it", async () => {
    const issued = await issue(FULL);
    const {
      items: [item],
    } = await list();
    expect(item).toMatchObject({
      id: issued.record.id,
      status: "active",
      revision: 1,
      quota: { limit: 50, period: "day" },
    });
    await told(control("POST", keyPath(issued, "/revoke")));
    expect((await list()).items).toMatchObject([{ status: "revoked", revision: 2 }]);
  });

  it("is what its schema says: the record without anything that changes with every use", async () => {
    await issue(FULL);
    const page = await list();
    expect(judge(pageOf(listedKey), page)).toMatchObject({ ok: true });
    const record = await told(control("GET", `/_rekey/v1/keys/${String(page.items[0]!["id"])}`));
    const { lastUsedAt: _use, quota: _quota, rateLimits: _rateLimits, ...lasting } = record;
    expect(page.items[0]).toMatchObject(lasting);
    expect(Object.keys(page.items[0]!)).not.toContain("lastUsedAt");
  });

  it("goes through every key once, page by page, also those of one millisecond", async () => {
    const issued: string[] = [];
    for (let count = 0; count < 5; count++) issued.push((await issue()).record.id);
    await env.DB.prepare(
      "UPDATE keys SET created_at_ms = 1700000000000, record = json_set(record, '$.createdAt', 1700000000000)",
    ).run();
    const seen: unknown[] = [];
    let query = "?limit=2";
    for (let pages = 0; pages < 5; pages++) {
      const { items, nextCursor } = await list(query);
      seen.push(...items.map(({ id }) => id));
      if (nextCursor === null) break;
      query = `?limit=2&cursor=${nextCursor}`;
    }
    expect(seen).toEqual(issued.toSorted().toReversed());
  });

  it("has no next page when the last one was exactly full", async () => {
    await issue();
    await issue();
    expect(await list("?limit=2")).toMatchObject({ nextCursor: null, items: [{}, {}] });
  });

  it("filters by owner and status", async () => {
    const acme = await issue({ owner: "acme" });
    const other = await issue({ owner: "other" });
    await told(control("POST", keyPath(other, "/suspend")));
    expect(await ids("?owner=acme")).toEqual([acme.record.id]);
    expect(await ids("?status=suspended")).toEqual([other.record.id]);
    expect(await ids("?owner=acme&status=suspended")).toEqual([]);
  });

  it.each([
    "?page=2",
    "?limit=0",
    "?limit=201",
    "?limit=1&limit=2",
    "?status=dead",
    "?cursor=xx",
    "?owner=",
    "?cursor=",
  ])("asked with %s is 400", async (query) => {
    const { errors } = await told(control("GET", `/_rekey/v1/keys${query}`), 400);
    expect(errors).toHaveLength(1);
  });
});

describe("no secret at rest", () => {
  it("neither credential nor digest is in the ledger, whatever was done with the key", async () => {
    const issued = await issue(FULL);
    const rotated = await told<Issued>(control("POST", keyPath(issued, "/rotate"), { body: { reason: issued.key } }));
    const agent = { headers: { "user-agent": rotated.key } };
    await told(control("POST", keyPath(issued, "/revoke"), { ...agent, body: { reason: rotated.key } }));
    const everything = JSON.stringify([
      await env.DB.prepare("SELECT * FROM keys").all(),
      await env.DB.prepare("SELECT * FROM events").all(),
    ]);
    expect(everything).toContain("redacted");
    for (const { key } of [issued, rotated]) {
      expect(everything).not.toContain(key);
      expect(everything).not.toContain(key.slice(20, 60));
      expect(everything).not.toContain(digestOf(key));
    }
  });
});

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { KeyRecordJson } from "../../src/control/schema/record.ts";
import { requireConfig } from "../../src/env.ts";
import { mint } from "../../src/key/credential.ts";
import { control, issue, keyPath, told, verify, type ControlCall, type Issued } from "../support/control.ts";

type Rotated = Issued & { readonly retired: { readonly version: number; readonly validUntil: string } };

const self = (method: string, what: string, key: string, call: ControlCall = {}) =>
  control(method, `/_rekey/v1/self${what}`, { authorization: `Bearer ${key}`, ...call });
const rotateSelf = (key: string, call: ControlCall = {}) => self("POST", "/rotate", key, call);
const admin = (issued: Issued, what: string, body?: object) =>
  control("POST", keyPath(issued, `/${what}`), { ...(body !== undefined && { body }) });
const read = (issued: Issued): Promise<KeyRecordJson> => told(control("GET", keyPath(issued)));
const headerOf = () => `header-${crypto.randomUUID()}`;

describe("a key reads itself", () => {
  it("with its own record, as the admin sees it, and spends nothing", async () => {
    const issued = await issue({ quota: { limit: 1, period: "day" }, metadata: { plan: "pro" } });
    const before = await read(issued);
    for (let time = 0; time < 3; time++) {
      const response = await self("GET", "", issued.key);
      expect(response.headers.get("etag")).toBe('"1"');
      expect(await told(response)).toEqual(before);
    }
    expect(await read(issued)).toEqual(before);
    expect(await verify(issued.key)).toMatchObject({ valid: true });
  });

  it("from either header, also with a spent quota", async () => {
    const issued = await issue({ quota: { limit: 1, period: "none" } });
    await verify(issued.key);
    const call = { authorization: null, headers: { "x-api-key": issued.key } };
    expect(await told(control("GET", "/_rekey/v1/self", call))).toMatchObject({ id: issued.record.id });
  });

  it.each([
    ["key-suspended", (issued: Issued) => admin(issued, "suspend")],
    ["key-revoked", (issued: Issued) => admin(issued, "revoke")],
    ["key-rotated", (issued: Issued) => admin(issued, "rotate")],
    [
      "key-expired",
      (issued: Issued) => control("PATCH", keyPath(issued), { body: { expiresAt: "2020-01-01T00:00:00Z" } }),
    ],
    ["owner-suspended", (issued: Issued) => control("POST", `/_rekey/v1/owners/${issued.record.owner}/suspend`)],
  ])("but hears %s instead, in every call but the last resort", async (code, end) => {
    const issued = await issue({ owner: `owner-of-${code}` });
    await told(end(issued));
    for (const [method, what] of [
      ["GET", ""],
      ["POST", "/rotate"],
    ] as const) {
      const refused = await self(method, what, issued.key);
      expect(refused.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
      expect(await told(refused, 401)).toMatchObject({ code });
    }
  });

  it("120 times a minute, and is told when again; the API is used as ever", async () => {
    const issued = await issue();
    for (let time = 0; time < 120; time++) expect((await self("GET", "", issued.key)).status).toBe(200);
    const refused = await self("GET", "", issued.key);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await told(refused, 429)).toMatchObject({ code: "rate-limited", limit: "self" });
    expect(await verify(issued.key)).toMatchObject({ valid: true });
    expect(await told(rotateSelf(issued.key))).toMatchObject({ record: { version: 2 } });
  });

  it("from where it may be used", async () => {
    const issued = await issue({ allowedIps: ["203.0.113.7"] });
    expect(await told(self("GET", "", issued.key), 403)).toMatchObject({ code: "ip-not-allowed" });
    expect(await told(rotateSelf(issued.key), 403)).toMatchObject({ code: "ip-not-allowed" });
    const headers = { "cf-connecting-ip": "203.0.113.7" };
    expect((await self("GET", "", issued.key, { headers })).status).toBe(200);
    expect((await rotateSelf(issued.key, { headers })).status).toBe(200);
  });
});

describe("a stranger", () => {
  it("is told the same whatever the text is: forged, of nobody, of another secret", async () => {
    const issued = await issue();
    const ours = issued.key;
    // As an older secret of ours that was forgotten: its tag is right, and the key's object does not know it.
    const lost = await issue();
    await control("POST", keyPath(lost, "/revoke"));
    await control("DELETE", keyPath(lost));
    const forged = ours.slice(0, -8) + (ours.at(-8) === "0" ? "1" : "0") + ours.slice(-7);
    // Of a key that there is, with a tag that is right: only its object knows that the secret never was one.
    const { signingPepper: pepper } = requireConfig(env);
    const unknown = mint(issued.record.id, {
      prefix: "rk_live",
      pepper,
      random: (bytes) => crypto.getRandomValues(bytes),
    });
    for (const [method, what] of [
      ["GET", ""],
      ["POST", "/rotate"],
      ["POST", "/revoke"],
    ] as const) {
      const seen = await Promise.all(
        [forged, lost.key, unknown].map(async (key) => {
          const response = await self(method, what, key);
          return JSON.stringify([response.status, [...response.headers], await response.text()]);
        }),
      );
      expect(new Set(seen).size).toBe(1);
      expect(seen[0]).toContain("invalid-key");
    }
  });

  it("with a forgery asks nobody", async () => {
    const { key } = await issue();
    const forged = key.slice(0, -8) + (key.at(-8) === "0" ? "1" : "0") + key.slice(-7);
    const nobody = { KEYS: undefined as never, DB: undefined as never };
    for (const what of ["/rotate", "/revoke"]) {
      expect(await told(self("POST", what, forged, { env: nobody }), 401)).toMatchObject({ code: "invalid-key" });
    }
  });

  it("without a key is asked for one", async () => {
    const call = { authorization: null };
    for (const [method, what] of [
      ["GET", ""],
      ["POST", "/rotate"],
      ["POST", "/revoke"],
    ] as const) {
      const response = await control(method, `/_rekey/v1/self${what}`, call);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      expect(await told(response, 401)).toMatchObject({ code: "missing-credentials" });
    }
  });

  it("with the admin token is no key", async () => {
    expect((await control("GET", "/_rekey/v1/self")).status).toBe(401);
  });
});

describe("a key rotates itself", () => {
  it("and the secret it did so with is dead; the event says that it was the key", async () => {
    const issued = await issue();
    const rotated = await told<Rotated>(rotateSelf(issued.key, { body: { reason: `found ${issued.key}` } }));
    expect(rotated.record).toMatchObject({ id: issued.record.id, version: 2 });
    expect(rotated.retired).toEqual({ version: 1, validUntil: rotated.record.rotatedAt });
    expect(await verify(issued.key)).toMatchObject({ code: "key-rotated" });
    expect(await verify(rotated.key)).toMatchObject({ valid: true, version: 2 });
    const { items } = await told<{ items: object[] }>(control("GET", keyPath(issued, "/events")));
    expect(items[0]).toMatchObject({ type: "key.alerted", detail: { alert: "retired-secret-used" } });
    expect(items[1]).toMatchObject({
      type: "key.rotated",
      actor: issued.record.id,
      detail: { reason: `found [redacted …${issued.key.slice(-4)}]` },
    });
  });

  it("once, of any number who hold the same secret", async () => {
    const issued = await issue();
    const answers = await Promise.all(Array.from({ length: 20 }, () => rotateSelf(issued.key)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const lost = answers.filter(({ status }) => status !== 200);
    const codes = await Promise.all(lost.map(async (answer) => (await answer.json<{ code: string }>()).code));
    expect(new Set(codes)).toEqual(new Set(["key-rotated"]));
    expect(await read(issued)).toMatchObject({ version: 2 });
  });

  it("though its quota is spent, and keeps what was used", async () => {
    const issued = await issue({ quota: { limit: 1, period: "none" } });
    await verify(issued.key);
    const { key } = await told<Rotated>(rotateSelf(issued.key));
    expect(await verify(key)).toMatchObject({ code: "quota-exceeded" });
  });

  it("not when it may not", async () => {
    const issued = await issue({ selfRotate: false });
    expect(await told(rotateSelf(issued.key), 403)).toMatchObject({ code: "forbidden" });
    expect(await verify(issued.key)).toMatchObject({ valid: true, version: 1 });
  });

  it("without saying how long the old secret lives on", async () => {
    const issued = await issue();
    expect(await told(rotateSelf(issued.key, { body: { graceSeconds: 60 } }), 400)).toMatchObject({
      errors: [{ path: "graceSeconds", message: "is not known here" }],
    });
  });

  it("five times a minute, and is told when it may again", async () => {
    const issued = await issue();
    let { key } = issued;
    for (let time = 0; time < 5; time++) ({ key } = await told<Rotated>(rotateSelf(key)));
    const refused = await rotateSelf(key);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(61);
    expect(await told(refused, 429)).toMatchObject({ code: "rate-limited", limit: "self-rotate" });
    expect(await verify(key)).toMatchObject({ valid: true, version: 6 });
  });

  it("with a secret in its grace, while the successor was never used: that repairs a lost answer", async () => {
    const issued = await issue();
    const lost = await told<Rotated>(admin(issued, "rotate", { graceSeconds: 60 }));
    const repaired = await told<Rotated>(rotateSelf(issued.key));
    expect(repaired.record.version).toBe(3);
    for (const key of [issued.key, lost.key]) expect(await verify(key)).toMatchObject({ code: "key-rotated" });
    expect(await verify(repaired.key)).toMatchObject({ valid: true });
  });

  it("not with a secret in its grace once the successor was used: that would let a thief take the key", async () => {
    const issued = await issue();
    const { key } = await told<Rotated>(admin(issued, "rotate", { graceSeconds: 60 }));
    await verify(key);
    expect(await told(rotateSelf(issued.key), 401)).toMatchObject({ code: "key-rotated" });
    expect(await verify(issued.key)).toMatchObject({ valid: true, version: 1 });
    expect(await verify(key)).toMatchObject({ valid: true, version: 2 });
  });

  it("and has the answer again by its Idempotency-Key, presenting the secret that it retired", async () => {
    const issued = await issue();
    const headers = { "idempotency-key": headerOf() };
    const first = await told<Rotated>(rotateSelf(issued.key, { headers }));
    expect(await told<Rotated>(rotateSelf(issued.key, { headers }))).toEqual(first);
    // With the new one too: whoever has it has nothing to gain.
    expect(await told<Rotated>(rotateSelf(first.key, { headers }))).toEqual(first);
    expect(await told(rotateSelf(issued.key, { headers: { "idempotency-key": headerOf() } }), 401)).toMatchObject({
      code: "key-rotated",
    });
    expect(await told(rotateSelf(issued.key), 401)).toMatchObject({ code: "key-rotated" });
    expect(await told(rotateSelf(issued.key, { headers, body: { reason: "x" } }), 422)).toMatchObject({
      code: "idempotency-mismatch",
    });
    await verify(first.key);
    expect(await told(rotateSelf(issued.key, { headers }), 409)).toMatchObject({ code: "idempotency-expired" });
    expect(await read(issued)).toMatchObject({ version: 2 });
  });

  it("and no older secret, and no other key, gets the answer by that header", async () => {
    const issued = await issue();
    const { key: second } = await told<Rotated>(rotateSelf(issued.key));
    const headers = { "idempotency-key": headerOf() };
    await told<Rotated>(rotateSelf(second, { headers }));
    expect(await told(rotateSelf(issued.key, { headers }), 401)).toMatchObject({ code: "key-rotated" });
    const other = await issue();
    const theirs = await told<Rotated>(rotateSelf(other.key, { headers }));
    expect(theirs.record.id).toBe(other.record.id);
  });

  it.each(["suspend", "revoke", "rotate"])("and gets no answer again after an admin's %s", async (what) => {
    const issued = await issue();
    const headers = { "idempotency-key": headerOf() };
    const { key } = await told<Rotated>(rotateSelf(issued.key, { headers }));
    await told(admin(issued, what));
    expect((await rotateSelf(issued.key, { headers })).status).toBe(409);
    expect(await verify(key)).toMatchObject({ valid: false });
  });
});

describe("a key ends itself", () => {
  it.each([
    ["suspended", (issued: Issued) => admin(issued, "suspend")],
    ["expired", (issued: Issued) => control("PATCH", keyPath(issued), { body: { expiresAt: "2020-01-01T00:00:00Z" } })],
    ["not allowed from here", (issued: Issued) => control("PATCH", keyPath(issued), { body: { allowedIps: ["::1"] } })],
    ["revoked already", (issued: Issued) => admin(issued, "revoke")],
  ])("for whoever finds it, also when it is %s", async (_name, before) => {
    const issued = await issue();
    await told(before(issued));
    const first = await told<KeyRecordJson>(self("POST", "/revoke", issued.key));
    expect(first).toMatchObject({ status: "revoked" });
    expect(await read(issued)).toMatchObject({ status: "revoked", revokedAt: first.revokedAt });
  });

  it("once: asked again it is told the same", async () => {
    const issued = await issue();
    const first = await told(self("POST", "/revoke", issued.key));
    expect(await told(self("POST", "/revoke", issued.key))).toEqual(first);
    const { items } = await told<{ items: object[] }>(control("GET", keyPath(issued, "/events")));
    expect(items).toMatchObject([{ type: "key.revoked", actor: issued.record.id }, { type: "key.created" }]);
  });

  it.each([0, 60])(
    "not with a secret that was replaced, with %i s of grace: a thief of an old one must not be able to do harm",
    async (graceSeconds) => {
      const issued = await issue();
      const { key } = await told<Rotated>(admin(issued, "rotate", { graceSeconds }));
      expect(await told(self("POST", "/revoke", issued.key), 401)).toMatchObject({ code: "key-rotated" });
      expect(await verify(key)).toMatchObject({ valid: true });
      expect(await told(self("POST", "/revoke", key))).toMatchObject({ status: "revoked" });
    },
  );
});

import { createHash } from "node:crypto";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { ROUTES } from "../../src/control/routes.ts";
import { CODES } from "../../src/http/codes.ts";
import { BOUNDS } from "../../src/key/policy.ts";
import { control, issue, keyPath, told } from "../support/control.ts";
import { testSecrets } from "../support/settings.ts";

const ADMIN = testSecrets.REKEY_ADMIN_TOKEN;
const pathOf = (template: string) =>
  template
    .replace("reservations/{id}", "reservations/res_0000000000000404_0000000000000000")
    .replace("alerts/{id}", "alerts/alert_0000000000000404_1")
    .replace("webhooks/{id}", "webhooks/wh_0000000000000404")
    .replace("{id}", "key_0000000000000404")
    .replace("{code}", "not-found")
    .replace("{owner}", "nobody");
/** Self-service reads credentials as the gateway does, and has tests of its own. */
const guarded = ROUTES.filter(({ scope }) => scope !== null && scope !== "self").map(
  ({ method, path }) => [method, pathOf(path)] as const,
);
const bodies = ROUTES.filter(({ scope, body }) => scope !== "self" && body !== undefined).map(
  ({ method, path }) => [method, pathOf(path)] as const,
);

/** Everything of an answer that a stranger could tell two cases apart by. */
const seen = async (response: Response) => [response.status, [...response.headers], await response.text()];

describe("who may call", () => {
  it.each(guarded)("%s %s: whatever is wrong with a token, the answer is the same 401", async (method, path) => {
    const answers = await Promise.all(
      [
        `Bearer ${ADMIN.slice(1)}`,
        `Bearer ${ADMIN}x`,
        `Bearer ${ADMIN.toLowerCase()}`,
        `Bearer ${ADMIN}, Bearer ${ADMIN}`,
        `Bearer x ${ADMIN}`,
        "Bearer x",
        `Bearer ${"x".repeat(10_000)}`,
      ].map(async (authorization) => seen(await control(method, path, { authorization }))),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]![0]).toBe(401);
    expect(String(answers[0]![1])).toContain('Bearer error="invalid_token"');
    expect(answers[0]![2]).toContain('"code":"invalid-key"');
  });

  it.each(guarded)("%s %s: no bearer token is missing credentials, without an error code", async (method, path) => {
    for (const authorization of [null, "", "Bearer", "Bearer ", `Basic ${ADMIN}`, `Token ${ADMIN}`, ADMIN]) {
      const response = await control(method, path, { authorization });
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
      expect(await told(response, 401)).toMatchObject({ code: "missing-credentials" });
    }
  });

  it("takes no token from X-API-Key, a cookie or the URL", async () => {
    const headers = { "x-api-key": ADMIN, cookie: `authorization=Bearer ${ADMIN}` };
    await expect(told(control("GET", "/_rekey/v1/keys", { authorization: null, headers }), 401)).resolves.toBeTruthy();
    // In a URL it has been written down by now, so it is told apart from a stranger's.
    for (const token of [ADMIN, ADMIN.replaceAll(/./g, (one) => `%${one.charCodeAt(0).toString(16)}`)]) {
      const refused = await told(control("GET", `/_rekey/v1/keys?access_token=${token}`), 400);
      expect(refused).toMatchObject({ code: "credentials-in-url" });
    }
  });

  it("takes the scheme in any case", async () => {
    await expect(told(control("GET", "/_rekey/v1/keys", { authorization: `bEARER ${ADMIN}` }))).resolves.toBeTruthy();
  });

  it("takes either of two tokens while one replaces the other, and no longer the one that was taken away", async () => {
    const next = "N3xt-admin-token_of-256-bits_0123456789abcdefgh";
    const both = { adminTokens: [ADMIN, next] };
    const status = async (token: string, config: { adminTokens: string[] }) =>
      (await control("GET", "/_rekey/v1/keys", { authorization: `Bearer ${token}`, config })).status;
    expect([await status(ADMIN, both), await status(next, both)]).toEqual([200, 200]);
    expect([await status(ADMIN, { adminTokens: [next] }), await status(next, { adminTokens: [ADMIN] })]).toEqual([
      401, 401,
    ]);
  });

  it("judges the caller before the call: a stranger learns nothing from a bad body", async () => {
    const call = { authorization: null, body: "not json" };
    expect(await told(control("POST", "/_rekey/v1/keys", call), 401)).toMatchObject({ code: "missing-credentials" });
  });
});

describe("what is asked", () => {
  it.each([
    ["/_rekey", "GET"],
    ["/_rekey/", "GET"],
    ["/_rekey/v1", "GET"],
    ["/_rekey/v1/keys/", "GET"],
    ["/_rekey/v2/keys", "GET"],
    ["/_rekey/v1/keys/key_0000000000000404/explode", "POST"],
    ["/_rekey/problems/", "GET"],
    ["/_rekey/problems/no-such-code", "GET"],
    ["/_rekey/problems/__proto__", "GET"],
  ])("%s is 404", async (path, method) => {
    expect(await told(control(method, path), 404)).toMatchObject({ code: "not-found", requestId: "req_test" });
  });

  it.each([
    ["/_rekey/v1/keys", "DELETE", "POST, GET, HEAD"],
    ["/_rekey/v1/keys", "OPTIONS", "POST, GET, HEAD"],
    ["/_rekey/v1/keys/key_0000000000000404", "POST", "GET, HEAD, PATCH, DELETE"],
    ["/_rekey/v1/keys/key_0000000000000404/rotate", "GET", "POST"],
    ["/_rekey/v1/verify", "PUT", "POST"],
    ["/_rekey/healthz", "POST", "GET, HEAD"],
  ])("%s with %s is 405 and says what is allowed", async (path, method, allow) => {
    const response = await control(method, path);
    expect(response.headers.get("allow")).toBe(allow);
    expect(await told(response, 405)).toMatchObject({ code: "method-not-allowed" });
  });

  it("answers HEAD as GET, without a body", async () => {
    const issued = await issue();
    const response = await control("HEAD", keyPath(issued));
    expect([response.status, response.headers.get("etag"), await response.text()]).toEqual([200, '"1"', ""]);
  });

  it.each(bodies)("%s %s: a body of another type, or that is no JSON, is 400", async (method, path) => {
    const form = { body: "name=a", headers: { "content-type": "application/x-www-form-urlencoded" } };
    expect(await told(control(method, path, form), 400)).toMatchObject({
      errors: [{ path: "", message: "must be sent as Content-Type: application/json" }],
    });
    expect(await told(control(method, path, { body: "{" }), 400)).toMatchObject({
      errors: [{ path: "", message: "is not JSON" }],
    });
  });

  it.each(bodies)("%s %s: a body above the bound is 413", async (method, path) => {
    const body = JSON.stringify({ padding: "x".repeat(BOUNDS.bodyBytes) });
    expect(await told(control(method, path, { body }), 413)).toMatchObject({ code: "payload-too-large" });
  });

  it.each(bodies)("%s %s: an unknown field and an unknown parameter are both named", async (method, path) => {
    const { errors } = await told<{ errors: { path: string }[] }>(
      control(method, `${path}?x=1`, { body: { y: 1 } }),
      400,
    );
    expect(errors.map((error) => error.path)).toEqual(expect.arrayContaining(["x", "y"]));
  });

  it("takes an absent body for {}", async () => {
    const issued = await issue();
    expect(await told(control("POST", keyPath(issued, "/suspend")))).toMatchObject({ status: "suspended" });
  });
});

describe("every answer", () => {
  it.each(ROUTES.map(({ method, path }) => [method, pathOf(path)] as const))(
    "%s %s carries the request's id, is kept by nobody, and lets no other site in",
    async (method, path) => {
      const response = await control(method, path, { headers: { origin: "https://evil.example" } });
      expect(response.headers.get("rekey-request-id")).toBe("req_test");
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect([...response.headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
    },
  );
});

describe("health", () => {
  it("is told to anybody and asks nobody", async () => {
    const nobody = { KEYS: undefined as never, DB: undefined as never };
    expect(await told(control("GET", "/_rekey/healthz", { authorization: null, env: nobody }))).toEqual({
      status: "ok",
    });
  });

  it("is ready with the ledger, and tells the rest to the admin only", async () => {
    expect(await told(control("GET", "/_rekey/readyz", { authorization: null }))).toEqual({
      status: "ready",
      ledger: "ok",
      warnings: [],
    });
    expect(await told(control("GET", "/_rekey/readyz", { authorization: "Bearer wrong" }))).not.toHaveProperty(
      "detail",
    );
    expect(await told(control("GET", "/_rekey/readyz"))).toEqual({
      status: "ready",
      ledger: "ok",
      warnings: [],
      detail: {
        ledgerCause: null,
        mode: "gateway",
        peppers: ["a"],
        signingPepper: "a",
        missingPeppers: [],
        behindSince: null,
        reconciled: null,
      },
    });
  });

  it("asks the ledger at most once a second, however many ask", async () => {
    let asked = 0;
    const DB = { prepare: (sql: string) => ((asked += 1), env.DB.prepare(sql)) } as unknown as D1Database;
    for (let time = 0; time < 20; time++) await control("GET", "/_rekey/readyz", { env: { DB } });
    // One probe: its peppers, its lateness, the last walk.
    expect(asked).toBe(3);
  });
});

describe("problem pages", () => {
  it.each(Object.entries(CODES))(
    "%s is explained, and nothing on the page can run or load",
    async (code, { status }) => {
      const response = await control("GET", `/_rekey/problems/${code}`, { authorization: null });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
      const page = await response.text();
      const [, style] = /^[^]*<style>([^]*?)<\/style>/.exec(page)!;
      const digest = createHash("sha256").update(style!).digest("base64");
      expect(response.headers.get("content-security-policy")).toBe(
        `default-src 'none'; style-src 'sha256-${digest}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      );
      expect(page).toContain(`<code>${code}</code> <span class="status">${status}</span>`);
      expect(page.match(/<style/gi)).toHaveLength(1);
      expect(page.match(/<link[^>]*/gi)).toEqual([expect.stringContaining('rel="icon" href="data:')]);
      expect(page).not.toMatch(/<script|<img|\son\w+=|`/i);
    },
  );

  it("are JSON for whoever asks for JSON", async () => {
    const headers = { accept: "application/json" };
    expect(await told(control("GET", "/_rekey/problems/key-rotated", { headers }))).toEqual({
      code: "key-rotated",
      ...CODES["key-rotated"],
    });
  });

  it("show what stands in angle brackets as text", async () => {
    const page = await (await control("GET", "/_rekey/problems/missing-credentials")).text();
    expect(page).toContain("<code>Authorization: Bearer &lt;key&gt;</code>");
  });
});

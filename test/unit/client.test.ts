import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { controlClient, selfClient, type Result } from "../../src/client/index.ts";
import { described, operationNamed } from "../support/contract.ts";

type Sent = { readonly url: URL; readonly method: string; readonly headers: Headers; readonly body: unknown };

/** A `fetch` that answers what the test says, the last answer again and again, and remembers what it was asked. */
function stub(...answers: readonly (() => Response | Promise<Response>)[]) {
  const sent: Sent[] = [];
  const fetch = async (url: string, { method = "GET", headers = {}, body }: RequestInit): Promise<Response> => {
    const answer = answers[Math.min(sent.length, answers.length - 1)]!;
    const text = typeof body === "string" ? (JSON.parse(body) as unknown) : undefined;
    sent.push({ url: new URL(url), method, headers: new Headers(headers as Record<string, string>), body: text });
    return answer();
  };
  return { fetch, sent };
}

const byRekey = { "rekey-request-id": "req_1" };
const done = () => Response.json({}, { headers: byRekey });
const refused =
  (code: string, status: number, headers: Record<string, string> = {}) =>
  () =>
    Response.json(
      { type: `/_rekey/problems/${code}`, title: code, status, code, requestId: "req_1" },
      { status, headers: { ...byRekey, "content-type": "application/problem+json", ...headers } },
    );
const lost = () => Promise.reject(new TypeError("the connection was closed"));

const ID = "key_4mN8pQ2rS6tU0vWx";
const DELIVERY = "evt_4mN8pQ2rS6tU0vWx_7";
const url = "https://api.example.com";
const control = (fetch: ReturnType<typeof stub>["fetch"]) => controlClient({ url, token: "the-token", fetch });
const self = (fetch: ReturnType<typeof stub>["fetch"]) => selfClient({ url, key: "the-key", fetch });

type Fetch = ReturnType<typeof stub>["fetch"];
type Operation = { readonly call: (fetch: Fetch) => Promise<Result<unknown>>; readonly repeat: "always" | "never" };

/** Every operation as the client makes it, and whether it makes it again when the answer is missing. */
const CALLS: Readonly<Record<string, Operation>> = {
  createKey: { call: (fetch) => control(fetch).createKey({ name: "a" }), repeat: "always" },
  listKeys: {
    call: (fetch) =>
      control(fetch).listKeys({
        owner: "acme",
        status: "active",
        environment: "live",
        pepper: "a",
        beyondLifetime: true,
        search: "b",
        cursor: "c",
        limit: 5,
      }),
    repeat: "always",
  },
  getKey: { call: (fetch) => control(fetch).getKey(ID), repeat: "always" },
  amendKey: { call: (fetch) => control(fetch).amendKey(ID, { name: "b" }, { ifRevision: 3 }), repeat: "never" },
  purgeKey: { call: (fetch) => control(fetch).purgeKey(ID), repeat: "always" },
  rotateKey: { call: (fetch) => control(fetch).rotateKey(ID), repeat: "always" },
  revokeKey: { call: (fetch) => control(fetch).revokeKey(ID), repeat: "always" },
  suspendKey: { call: (fetch) => control(fetch).suspendKey(ID), repeat: "never" },
  resumeKey: { call: (fetch) => control(fetch).resumeKey(ID), repeat: "never" },
  creditKey: { call: (fetch) => control(fetch).creditKey(ID, { add: 1 }, { ifRevision: 3 }), repeat: "never" },
  listKeyEvents: { call: (fetch) => control(fetch).listKeyEvents(ID, { cursor: "c", limit: 5 }), repeat: "always" },
  proveKeyEvents: { call: (fetch) => control(fetch).proveKeyEvents(ID), repeat: "always" },
  listEvents: {
    call: (fetch) =>
      control(fetch).listEvents({
        owner: "acme",
        type: "key.rotated",
        from: "2030-01-01T00:00:00Z",
        to: "2030-01-02T00:00:00Z",
        cursor: "c",
        limit: 5,
      }),
    repeat: "always",
  },
  getKeyUsage: {
    call: (fetch) =>
      control(fetch).getKeyUsage(ID, {
        from: "2030-01-01T00:00:00Z",
        to: "2030-01-02T00:00:00Z",
        by: "day",
        cursor: "c",
        limit: 5,
      }),
    repeat: "always",
  },
  getUsage: {
    call: (fetch) =>
      control(fetch).getUsage({
        owner: "acme",
        from: "2030-01-01T00:00:00Z",
        to: "2030-01-02T00:00:00Z",
        by: "day",
        cursor: "c",
        limit: 5,
      }),
    repeat: "always",
  },
  listAlerts: {
    call: (fetch) =>
      control(fetch).listAlerts({
        owner: "acme",
        keyId: ID,
        alert: "unknown-secret",
        acknowledged: false,
        from: "2030-01-01T00:00:00Z",
        to: "2030-01-02T00:00:00Z",
        cursor: "c",
        limit: 5,
      }),
    repeat: "always",
  },
  listKeyClients: { call: (fetch) => control(fetch).listKeyClients(ID), repeat: "always" },
  acknowledgeAlert: { call: (fetch) => control(fetch).acknowledgeAlert(ID, { note: "why" }), repeat: "always" },
  verifyKey: { call: (fetch) => control(fetch).verifyKey({ key: "k" }), repeat: "never" },
  verifyBatch: { call: (fetch) => control(fetch).verifyBatch([{ key: "k" }]), repeat: "never" },
  listOwners: { call: (fetch) => control(fetch).listOwners({ cursor: "c", limit: 5 }), repeat: "always" },
  settleReservation: { call: (fetch) => control(fetch).settleReservation(ID, { used: 3 }), repeat: "always" },
  revokeOwner: { call: (fetch) => control(fetch).revokeOwner("acme"), repeat: "always" },
  suspendOwner: { call: (fetch) => control(fetch).suspendOwner("acme"), repeat: "never" },
  resumeOwner: { call: (fetch) => control(fetch).resumeOwner("acme"), repeat: "never" },
  createWebhook: { call: (fetch) => control(fetch).createWebhook({ url: "https://a.example" }), repeat: "always" },
  listWebhooks: {
    call: (fetch) => control(fetch).listWebhooks({ owner: "acme", cursor: "c", limit: 5 }),
    repeat: "always",
  },
  getWebhook: { call: (fetch) => control(fetch).getWebhook(ID), repeat: "always" },
  amendWebhook: { call: (fetch) => control(fetch).amendWebhook(ID, { events: ["*"] }), repeat: "never" },
  deleteWebhook: { call: (fetch) => control(fetch).deleteWebhook(ID), repeat: "always" },
  rotateWebhookSecret: { call: (fetch) => control(fetch).rotateWebhookSecret(ID), repeat: "always" },
  testWebhook: { call: (fetch) => control(fetch).testWebhook(ID), repeat: "never" },
  resumeWebhook: { call: (fetch) => control(fetch).resumeWebhook(ID), repeat: "always" },
  listWebhookDeliveries: {
    call: (fetch) => control(fetch).listWebhookDeliveries(ID, { state: "dead", cursor: "c", limit: 5 }),
    repeat: "always",
  },
  replayWebhookDelivery: { call: (fetch) => control(fetch).replayWebhookDelivery(ID, DELIVERY), repeat: "always" },
  readSelf: { call: (fetch) => self(fetch).readSelf(), repeat: "always" },
  rotateSelf: { call: (fetch) => self(fetch).rotateSelf(), repeat: "always" },
  revokeSelf: { call: (fetch) => self(fetch).revokeSelf(), repeat: "always" },
};

const EACH = Object.entries(CALLS);

it("has every operation of the contract that is below /_rekey/v1, under its name", () => {
  const { fetch } = stub(done);
  const named = described
    .filter(({ path }) => path.startsWith("/_rekey/v1/"))
    .map(({ operation }) => operation.operationId);
  expect(Object.keys(CALLS).toSorted()).toEqual(named.toSorted());
  expect([...Object.keys(control(fetch)), ...Object.keys(self(fetch))].toSorted()).toEqual(named.toSorted());
});

describe("a call is what the contract says", () => {
  it.each(EACH)("%s", async (operationId, { call }) => {
    const { fetch, sent } = stub(done);
    await call(fetch);
    const { method, path, operation } = operationNamed(operationId);
    const [request] = sent;
    expect(sent.length).toBe(1);
    expect(request!.method).toBe(method);
    expect(request!.url.origin + request!.url.pathname).toBe(
      url + path.replace("{id}", ID).replace("{owner}", "acme").replace("{deliveryId}", DELIVERY),
    );
    const isSelf = "key" in operation.security[0]!;
    expect(request!.headers.get("authorization")).toBe(isSelf ? "Bearer the-key" : "Bearer the-token");
    expect(request!.headers.get("content-type")).toBe(operation.requestBody === undefined ? null : "application/json");

    const { parameters = [] } = operation;
    const names = (place: string) => parameters.filter((each) => each.in === place).map(({ name }) => name);
    expect([...request!.url.searchParams.keys()]).toEqual(names("query"));
    for (const name of ["Idempotency-Key", "If-Match"]) {
      expect(request!.headers.has(name), name).toBe(names("header").includes(name));
    }
  });

  it("with the revision as an entity tag", async () => {
    const { fetch, sent } = stub(done);
    await control(fetch).amendKey(ID, {}, { ifRevision: 17 });
    expect(sent[0]!.headers.get("if-match")).toBe('"17"');
  });

  it("and what a caller puts into a path stays one segment of it", async () => {
    const { fetch, sent } = stub(done);
    await control(fetch).revokeOwner("../keys?x=1#y");
    expect(sent[0]!.url.pathname).toBe("/_rekey/v1/owners/..%2Fkeys%3Fx%3D1%23y/revoke");
  });
});

describe("a missing answer", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const settle = async <Value>(call: Promise<Value>): Promise<Value> => {
    void call.catch(() => {});
    await vi.runAllTimersAsync();
    return call;
  };

  const MISSING: readonly (readonly [string, () => Response | Promise<Response>])[] = [
    ["the connection fails", lost],
    ["503 unavailable", refused("unavailable", 503, { "retry-after": "1" })],
    ["a page of somebody on the way", () => new Response("<h1>Bad gateway</h1>", { status: 502 })],
    ["something in JSON from somebody who is not Rekey", () => Response.json({ key: "k", valid: true })],
    ["half an answer", () => new Response('{"key":', { headers: { ...byRekey, "content-type": "application/json" } })],
  ];

  it.each(EACH.flatMap(([name, each]) => MISSING.map(([what, answer]) => [name, what, each, answer] as const)))(
    "%s, %s",
    async (_name, _what, { call, repeat }, answer) => {
      const once = stub(answer, done);
      expect((await settle(call(once.fetch))).ok).toBe(repeat === "always");
      expect(once.sent.length).toBe(repeat === "always" ? 2 : 1);
      expect(new Set(once.sent.map(({ headers }) => headers.get("idempotency-key"))).size).toBe(1);

      const forever = stub(answer);
      expect((await settle(call(forever.fetch))).ok).toBe(false);
      expect(forever.sent.length).toBe(repeat === "always" ? 4 : 1);
    },
  );

  it.each(EACH)("never makes two calls share a header: %s", async (_name, { call }) => {
    const { fetch, sent } = stub(done);
    await call(fetch);
    await call(fetch);
    const [first, second] = sent.map(({ headers }) => headers.get("idempotency-key"));
    expect(first === null || first !== second).toBe(true);
  });

  it.each([
    ["invalid-request", 400],
    ["invalid-key", 401],
    ["forbidden", 403],
    ["version-conflict", 409],
    ["idempotency-expired", 409],
    ["rate-limited", 429],
    ["misconfigured", 503],
  ])("is not %s: that is an answer", async (code, status) => {
    const { fetch, sent } = stub(refused(code, status), done);
    expect(await settle(control(fetch).rotateKey(ID))).toMatchObject({ ok: false, problem: { code, status } });
    expect(sent.length).toBe(1);
  });

  it("is waited for as long as Retry-After says, but not for ever", async () => {
    const started = Date.now();
    await settle(control(stub(refused("unavailable", 503, { "retry-after": "3" }), done).fetch).getKey(ID));
    expect(Date.now() - started).toBe(3000);
    const again = Date.now();
    await settle(control(stub(refused("unavailable", 503, { "retry-after": "86400" }), done).fetch).getKey(ID));
    expect(Date.now() - again).toBe(8000);
  });

  it("is a timeout too, and the next attempt has its own time", async () => {
    const hang = stub(() => new Promise<Response>(() => {}), done);
    // The platform's own clock ends an attempt: it does not know of fake timers.
    vi.useRealTimers();
    const impatient = controlClient({
      url,
      token: "t",
      timeoutMs: 20,
      fetch: (to, init) =>
        Promise.race([
          hang.fetch(to, init),
          new Promise<never>((_, reject) => {
            init.signal!.addEventListener("abort", () => reject(init.signal!.reason as Error));
          }),
        ]),
    });
    expect((await impatient.getKey(ID)).ok).toBe(true);
    expect(hang.sent.length).toBe(2);
  });

  it("names the header with which the call can be settled later", async () => {
    const { fetch, sent } = stub(lost);
    const result = await settle(control(fetch).createKey({ name: "a" }));
    expect(result).toMatchObject({ ok: false, problem: { code: "no-answer" } });
    expect(result.ok ? null : result.idempotencyKey).toBe(sent[0]!.headers.get("idempotency-key"));
    const mine = stub(lost);
    await settle(
      control(mine.fetch).createKey({ name: "a" }, { idempotencyKey: "3f8a1c1e-0f5b-4a61-9d3e-7a1f0c2b4d5e" }),
    );
    expect(mine.sent.map(({ headers }) => headers.get("idempotency-key"))).toEqual(
      Array<string>(4).fill("3f8a1c1e-0f5b-4a61-9d3e-7a1f0c2b4d5e"),
    );
  });
});

describe("the credential", () => {
  it("goes to no one to whom somebody redirects", async () => {
    const init: RequestInit[] = [];
    const client = controlClient({
      url,
      token: "the-token",
      fetch: async (_to, given) => {
        init.push(given);
        return new Response(null, { status: 302, headers: { location: "https://elsewhere.example/" } });
      },
    });
    expect(await client.verifyKey({ key: "k" })).toMatchObject({
      ok: false,
      problem: { code: "no-answer", status: 302 },
    });
    expect(init.map(({ redirect }) => redirect)).toEqual(["manual"]);
  });

  it("is in no URL, and a key that is asked about neither", async () => {
    const { fetch, sent } = stub(done);
    for (const { call } of Object.values(CALLS)) await call(fetch);
    for (const { url: to } of sent) expect(to.href).not.toMatch(/the-token|the-key/);
  });

  it("a base address may end in a slash", async () => {
    const { fetch, sent } = stub(done);
    await controlClient({ url: `${url}//`, token: "t", fetch }).getKey(ID);
    expect(sent[0]!.url.pathname).toBe(`/_rekey/v1/keys/${ID}`);
  });
});

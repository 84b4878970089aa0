import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { codeOf, startGateway, valuesOf, type Gateway, type IssuedKey } from "../support/gateway.ts";

const APP = "https://app.example";
const ROUTES = [
  { path: "/public/*", public: true, cacheable: true },
  { path: "/orders/*", methods: ["GET", "HEAD"], scopes: ["orders:read"], cacheable: true },
  { path: "/orders/*", methods: ["POST"], scopes: ["orders:write"], cost: 5, maxBodyBytes: 10 },
  { path: "/either", anyScope: ["a:b", "orders:read"], cost: 0 },
  { path: "/priced", reserve: 10 },
  { path: "/refunding/*", cost: 3, refundOn: ["5xx", "timeout"] },
  { path: "/on-5xx/*", cost: 3, refundOn: ["5xx"] },
  { path: "/on-timeout/*", cost: 3, refundOn: ["timeout"] },
  { path: "/strict/*", cost: 3 },
  { path: "/page/*", cors: { origins: [APP], headers: ["X-Mine"], exposeHeaders: ["X-Total"], credentials: true } },
  { path: "/anywhere", cors: { origins: ["*"] } },
  { path: "/passed", cors: { origins: [APP], preflight: "forward" } },
];

let gateway: Gateway;
let key: IssuedKey;
beforeAll(async () => {
  gateway = await startGateway({ vars: { ROUTES: JSON.stringify(ROUTES), ORIGIN_TIMEOUT_MS: "300" } });
  key = await gateway.issue({ scopes: ["orders:*"], quota: { limit: 1_000, period: "none" } });
});
beforeEach(() => void gateway.seen());
afterAll(() => gateway[Symbol.asyncDispose]());

const spent = async () => ((await gateway.control("GET", `/keys/${key.id}`)) as { quota: { used: number } }).quota.used;
/** What a request costs, as the key's own record tells it afterwards. */
async function costOf(request: () => Promise<Response>) {
  const before = await spent();
  const response = await request();
  await response.arrayBuffer();
  return { status: response.status, cost: (await spent()) - before };
}

describe("the rule of a path decides what a key needs and pays", () => {
  it("scopes and cost, by method", async () => {
    expect(await costOf(() => gateway.use(key.key, "/orders/7"))).toEqual({ status: 200, cost: 1 });
    expect(await costOf(() => gateway.use(key.key, "/orders/7", { method: "POST", body: "x" }))).toEqual({
      status: 200,
      cost: 5,
    });
    expect(await costOf(() => gateway.use(key.key, "/either"))).toEqual({ status: 200, cost: 0 });
  });

  it("a scope that is missing is named, and nothing is spent or forwarded", async () => {
    const reader = await gateway.issue({ scopes: ["orders:read"] });
    const answer = await gateway.useRaw(reader.key, "POST /orders/7", ["Content-Length: 1"], "x");
    expect([answer.status, codeOf(answer)]).toEqual([403, "insufficient-scope"]);
    expect(answer.headers.get("www-authenticate")).toBe('Bearer error="insufficient_scope", scope="orders:write"');
    const nobody = await gateway.issue();
    const either = await gateway.useRaw(nobody.key, "GET /either");
    expect(either.headers.get("www-authenticate")).toBe('Bearer error="insufficient_scope", scope="a:b orders:read"');
    expect(gateway.seen()).toEqual([]);
  });

  it("the string that is matched is the string that is forwarded", async () => {
    const nobody = await gateway.issue();
    for (const written of ["/orders/7", "/%6frders/7", "/public/../orders/7", "/x/%2e%2e/orders/7", "/./orders/"]) {
      const answer = await gateway.useRaw(nobody.key, `GET ${written}`);
      expect([written, codeOf(answer)]).toEqual([written, "insufficient-scope"]);
    }
    expect((await gateway.useRaw(key.key, "GET /public/../%6frders/7")).status).toBe(200);
    expect(gateway.seen().map(({ target }) => target)).toEqual(["/orders/7"]);
  });

  it("a path that no rule names needs a valid key and costs 1", async () => {
    expect(await costOf(() => gateway.use(key.key, "/elsewhere"))).toEqual({ status: 200, cost: 1 });
    expect((await gateway.useRaw(null, "GET /elsewhere")).status).toBe(401);
    expect((await gateway.useRaw(null, "PUT /orders/7")).status).toBe(401);
  });
});

describe("a public path", () => {
  it("needs no key, asks nobody and names nobody", async () => {
    const answer = await gateway.useRaw(null, "GET /public/a?b=c");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("rekey-decision")).toBeNull();
    const [seen] = gateway.seen();
    expect(seen!.target).toBe("/public/a?b=c");
    expect(seen!.headers.map(([name]) => name).filter((name) => name.startsWith("rekey-"))).toEqual([
      "rekey-hop",
      "rekey-request-id",
    ]);
  });

  it("takes out what parses as ours, spends nothing for it, and leaves what is somebody else's", async () => {
    const before = await spent();
    expect((await gateway.useRaw(key.key, "GET /public/a", ["X-API-Key: theirs"])).status).toBe(200);
    const [ours] = gateway.seen();
    expect(JSON.stringify(ours)).not.toContain(key.key);
    expect(valuesOf(ours, "x-api-key")).toEqual(["theirs"]);
    expect((await gateway.useRaw(null, "GET /public/a", ["Authorization: Bearer a.users.jwt"])).status).toBe(200);
    expect(valuesOf(gateway.seen()[0], "authorization")).toEqual(["Bearer a.users.jwt"]);
    expect(await spent()).toBe(before);
  });

  it("is as strict as any about what a URL may hold", async () => {
    expect(codeOf(await gateway.useRaw(null, `GET /public/a?key=${key.key}`))).toBe("credentials-in-url");
    expect(codeOf(await gateway.useRaw(null, "GET /public//a"))).toBe("invalid-path");
    expect(codeOf(await gateway.useRaw(null, "GET /public/../orders/7"))).toBe("missing-credentials");
  });
});

describe("units that depend on the outcome", () => {
  const failing = (path: string, status: number, cost?: string) =>
    gateway.origin.on(path, (_request, response) =>
      response.writeHead(status, cost === undefined ? {} : { "rekey-cost": cost }).end(),
    );

  it("are held, and settled with what the origin says; the client never hears the word", async () => {
    failing("/priced", 200, "4");
    const before = await spent();
    const response = await gateway.use(key.key, "/priced");
    expect(response.headers.has("rekey-cost")).toBe(false);
    expect((await spent()) - before).toBe(4);
    expect(response.headers.get("x-ratelimit-remaining")).toBe(String(1_000 - (await spent())));
  });

  it.each([
    ["/refunding/ok", 200, 3],
    ["/refunding/mine", 404, 3],
    ["/refunding/down", 503, 0],
    ["/on-5xx/down", 500, 0],
    ["/on-timeout/down", 500, 3],
    ["/strict/down", 503, 3],
  ])("%s with a %i costs %i", async (path, status, cost) => {
    failing(path, status);
    expect(await costOf(() => gateway.use(key.key, path))).toEqual({ status, cost });
  });

  it("are given back when the origin is silent, where the rule says so", async () => {
    for (const [rule, cost] of [
      ["/refunding", 0],
      ["/on-timeout", 0],
      ["/on-5xx", 3],
      ["/strict", 3],
    ] as const) {
      gateway.origin.on(`${rule}/silent`, () => {});
      expect([rule, await costOf(() => gateway.use(key.key, `${rule}/silent`))]).toEqual([rule, { status: 504, cost }]);
    }
  });

  it("an origin cannot price what has a price", async () => {
    failing("/refunding/cheap", 200, "0");
    expect(await costOf(() => gateway.use(key.key, "/refunding/cheap"))).toEqual({ status: 200, cost: 3 });
  });
});

describe("the largest body", () => {
  it("that says so is refused before anything is spent", async () => {
    const answer = await costOf(() => gateway.use(key.key, "/orders/7", { method: "POST", body: "x".repeat(11) }));
    expect(answer).toEqual({ status: 413, cost: 0 });
    expect(gateway.seen()).toEqual([]);
    expect((await gateway.use(key.key, "/orders/7", { method: "POST", body: "x".repeat(10) })).status).toBe(200);
  });

  it("that does not say so ends at the bound, and never arrives whole", async () => {
    const lines = ["Transfer-Encoding: chunked"];
    const chunked = (length: number) => `${length.toString(16)}\r\n${"x".repeat(length)}\r\n0\r\n\r\n`;
    const answer = await gateway.useRaw(key.key, "POST /orders/7", lines, chunked(11));
    expect([answer.status, codeOf(answer)]).toEqual([413, "payload-too-large"]);
    expect(gateway.seen()).toEqual([]);
    expect((await gateway.useRaw(key.key, "POST /orders/7", lines, chunked(10))).status).toBe(200);
    expect(gateway.seen().map(({ body }) => body)).toEqual(["x".repeat(10)]);
  });
});

describe("A15: an answer is private unless its rule says otherwise", () => {
  it.each([
    ["/orders/shared", "public, max-age=60"],
    ["/public/shared", "public, max-age=60"],
    ["/strict/shared", "private, max-age=60"],
  ])("%s: %s", async (path, expected) => {
    gateway.origin.on(path, (_request, response) =>
      response.writeHead(200, { "cache-control": "public, max-age=60", "cdn-cache-control": "max-age=600" }).end("x"),
    );
    const response = await gateway.use(key.key, path);
    expect(response.headers.get("cache-control")).toBe(expected);
    expect(response.headers.has("cdn-cache-control")).toBe(!expected.startsWith("private"));
    expect(response.headers.get("vary")).toContain("Authorization, X-API-Key");
  });
});

describe("CORS", () => {
  const preflight = (path: string, origin = APP, method = "PUT") =>
    gateway.useRaw(null, `OPTIONS ${path}`, [`Origin: ${origin}`, `Access-Control-Request-Method: ${method}`]);
  const cors = (headers: Headers) =>
    Object.fromEntries([...headers].filter(([name]) => name.startsWith("access-control-")));

  it("a preflight is answered by the gateway: it needs no key, spends nothing and reaches no origin", async () => {
    const answer = await preflight("/page/1");
    expect(answer.status).toBe(204);
    expect(cors(answer.headers)).toEqual({
      "access-control-allow-origin": APP,
      "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
      "access-control-allow-headers": "Authorization, X-API-Key, Content-Type, X-Mine",
      "access-control-allow-credentials": "true",
      "access-control-max-age": "600",
    });
    expect(cors((await preflight("/page/1", "https://evil.example")).headers)).toEqual({});
    expect(cors((await preflight("/anywhere", "https://any.example")).headers)).toMatchObject({
      "access-control-allow-origin": "*",
    });
    expect(gateway.seen()).toEqual([]);
  });

  it("or passed on to the origin without a key, where the rule says so", async () => {
    gateway.origin.on("/passed", (_request, response) =>
      response.writeHead(204, { "access-control-allow-origin": "https://of-the-origin.example" }).end(),
    );
    const answer = await preflight("/passed");
    expect(cors(answer.headers)).toEqual({ "access-control-allow-origin": "https://of-the-origin.example" });
    expect((await gateway.useRaw(null, "OPTIONS /passed", [`Origin: ${APP}`])).status).toBe(401);
  });

  it("a path without it gets no preflight answered", async () => {
    const answer = await preflight("/strict/1");
    expect([answer.status, codeOf(answer)]).toEqual([401, "missing-credentials"]);
    expect(cors(answer.headers)).toEqual({});
  });

  it("an answer can be read by the pages that the rule names, with what they need to obey limits", async () => {
    gateway.origin.on("/page/said", (_request, response) =>
      response.writeHead(200, { "access-control-allow-origin": "*", "x-total": "7" }).end("x"),
    );
    const named = await gateway.use(key.key, "/page/said", { headers: { origin: APP } });
    expect(cors(named.headers)).toMatchObject({
      "access-control-allow-origin": APP,
      "access-control-allow-credentials": "true",
    });
    const exposed = named.headers.get("access-control-expose-headers")!.toLowerCase().split(", ");
    for (const name of ["retry-after", "ratelimit", "rekey-request-id", "x-total"]) expect(exposed).toContain(name);
    expect(named.headers.get("vary")).toContain("Origin");
    const other = await gateway.use(key.key, "/page/said", { headers: { origin: "https://evil.example" } });
    expect(cors(other.headers)).toEqual({});
  });

  it("a refusal too: without it a browser would hide even the status", async () => {
    for (const path of ["/page/1", "/anywhere"]) {
      const answer = await gateway.useRaw(null, `GET ${path}`, [`Origin: ${APP}`]);
      expect([answer.status, codeOf(answer)]).toEqual([401, "missing-credentials"]);
      expect(answer.headers.get("access-control-allow-origin")).toBe(path === "/anywhere" ? "*" : APP);
    }
    const spentKey = await gateway.issue({ quota: { limit: 1, period: "day" } });
    await gateway.use(spentKey.key, "/page/1");
    const limited = await gateway.use(spentKey.key, "/page/1", { headers: { origin: APP } });
    expect([limited.status, limited.headers.get("access-control-allow-origin")]).toEqual([429, APP]);
  });
});

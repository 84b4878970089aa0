import { createServer } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { codeOf, startGateway, valuesOf, type Gateway, type IssuedKey } from "../support/gateway.ts";
import { onLoopback } from "../support/on-loopback.ts";
import { programOf, startProxy, type RunningProxy } from "../support/proxies.ts";
import { rawRequest, sendRaw, type RawAnswer } from "../support/raw-http.ts";
import { testSecrets } from "../support/settings.ts";
import { SPELLINGS } from "../support/spellings.ts";

const TOKEN = testSecrets.REKEY_PROXY_TOKEN;
const ROUTES = [
  { path: "/public/*", public: true },
  { path: "/orders/*", methods: ["POST"], scopes: ["orders:write"], cost: 5 },
  { path: "/refunding", cost: 2, refundOn: ["5xx"] },
  { path: "/priced", reserve: 10 },
  { path: "/small/*", maxBodyBytes: 10 },
  { path: "/socket", websocket: true },
];

let gateway: Gateway;
let key: IssuedKey;
beforeAll(async () => {
  gateway = await startGateway({ vars: { ROUTES: JSON.stringify(ROUTES) } });
  key = await gateway.issue({ owner: "acme", scopes: ["orders:*"], quota: { limit: 1_000, period: "day" } });
});
beforeEach(() => void gateway.seen());
afterAll(() => gateway[Symbol.asyncDispose]());

const spentBy = async ({ id }: IssuedKey) =>
  ((await gateway.control("GET", `/keys/${id}`)) as { quota: { used: number } }).quota.used;

/** A question as the bytes that a proxy would send. */
const ask = (start: string, lines: readonly string[] = [], token: string | null = TOKEN) =>
  sendRaw(
    gateway.rekey.url,
    rawRequest(gateway.rekey.url, `${start} HTTP/1.1`, [
      ...(token === null ? [] : [`Rekey-Proxy-Token: ${token}`]),
      ...lines,
    ]),
  );

/** The code of a refusal: of the body, or of the header that nginx hears of it in. */
const codeHeard = (answer: RawAnswer): string =>
  (JSON.parse(answer.headers.get("rekey-problem") ?? answer.body) as { code: string }).code;
const bearer = (one = key) => `Authorization: Bearer ${one.key}`;
const AT = "/_rekey/v1/forward-auth";

/** How each proxy asks about the same request. */
const ASKS = {
  nginx: (method: string, uri: string) => [
    `GET ${AT}/nginx/`,
    [`X-Original-Method: ${method}`, `X-Original-URI: ${uri}`, "X-Original-Body: //HTTP/1.1"],
  ],
  traefik: (method: string, uri: string) => [
    `GET ${AT}/traefik/`,
    [`X-Forwarded-Method: ${method}`, `X-Forwarded-Uri: ${uri}`, "X-Forwarded-Proto: https", "X-Forwarded-Host: api"],
  ],
  caddy: (method: string, uri: string) => [
    `GET ${AT}/caddy/`,
    [`X-Forwarded-Method: ${method}`, `X-Forwarded-Uri: ${uri}`],
  ],
  envoy: (method: string, uri: string) => [`${method} ${AT}/envoy${uri}`, ["Content-Length: 0"]],
} as const satisfies Record<string, (method: string, uri: string) => readonly [string, readonly string[]]>;
const PROXIES = Object.keys(ASKS) as (keyof typeof ASKS)[];

describe.each(PROXIES)("%s", (proxy) => {
  const about = (method: string, uri: string, lines: readonly string[] = []) => {
    const [start, own] = ASKS[proxy](method, uri);
    return ask(start, [...own, ...lines]);
  };
  const isNginx = proxy === "nginx";

  it("a yes is exactly 200 without a body, and says who it is", async () => {
    const before = await spentBy(key);
    const answer = await about("POST", "/orders/7?a=b", [bearer()]);
    expect([answer.status, answer.body]).toEqual([200, ""]);
    expect(Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith("rekey-")))).toEqual({
      "rekey-assertion": "",
      "rekey-decision": expect.stringMatching(/^\d+\.\d+$/),
      "rekey-key-id": key.id,
      "rekey-key-version": "1",
      "rekey-owner": "acme",
      "rekey-request-id": expect.stringMatching(/^req_[0-9a-f]{32}$/),
      "rekey-scopes": "orders:*",
    });
    expect(answer.headers.get("x-ratelimit-remaining")).toBe(String(1_000 - before - 5));
    expect((await spentBy(key)) - before).toBe(5);
  });

  it("a public path is a yes that names nobody, in words that overwrite what a client made up", async () => {
    const answer = await about("GET", "/public/a");
    expect(answer.status).toBe(200);
    for (const name of ["key-id", "key-version", "owner", "scopes", "assertion"]) {
      expect(answer.headers.get(`rekey-${name}`)).toBe("");
    }
  });

  it("a refusal is what it is, as far as the proxy understands it", async () => {
    const reader = await gateway.issue({ scopes: ["orders:read"] });
    const spent = await gateway.issue({ quota: { limit: 1, period: "day" } });
    await about("GET", "/x", [bearer(spent)]);
    const table = [
      [await about("GET", "/x"), 401, "missing-credentials"],
      [await about("GET", "/x", ["Authorization: Bearer junk"]), 401, "invalid-key"],
      [await about("POST", "/orders/7", [bearer(reader)]), 403, "insufficient-scope"],
      [await about("GET", "/x", [bearer(spent)]), 429, "quota-exceeded"],
      [await about("GET", `/x?k=${key.key}`, [bearer()]), 400, "credentials-in-url"],
    ] as const;
    for (const [answer, status, code] of table) {
      const understood = !isNginx || status === 401;
      expect([answer.status, codeHeard(answer)]).toEqual([understood ? status : 403, code]);
      expect(answer.headers.get("rekey-status")).toBe(isNginx ? String(status) : null);
      expect(Number(answer.headers.get("retry-after") ?? 0) > 0).toBe(status === 429);
    }
  });

  it.each(["/a//b", "/a%2fb", "/a;b", "/..%2f_rekey"])("%s has two readings and gets no yes", async (uri) => {
    const answer = await about("GET", uri, [bearer()]);
    expect([answer.status, codeHeard(answer)]).toEqual([isNginx ? 403 : 400, "invalid-path"]);
  });

  it.each(SPELLINGS)(
    "a path that the proxy would forward as it is gets no yes unless it is canonical: %s",
    async (spelling) => {
      const uri = Buffer.from(spelling, "utf8").toString("latin1");
      const answer = await about("GET", uri.startsWith("/") ? uri : `/${uri}`);
      if (answer.status !== 200) return;
      // Three dots are a name. Of a call of its own a fragment never arrives: Envoy refuses those by itself.
      expect(proxy === "envoy" ? uri.replace(/#.*/, "") : uri).toMatch(/^\/public(?:\/(?:[a-z]+|\.\.\.))+$/);
    },
  );

  it("a key in the URL of a public path is refused, as at the gateway", async () => {
    const answer = await about("GET", `/public/a?k=${key.key}`);
    expect([answer.status, codeHeard(answer)]).toEqual([isNginx ? 403 : 400, "credentials-in-url"]);
  });

  it("a header that makes a POST a DELETE meets the rule for DELETE too", async () => {
    const nobody = await gateway.issue();
    const heard = async (header: string) => (await about("GET", "/orders/7", [bearer(nobody), header])).status;
    expect(await heard("X-HTTP-Method-Override: POST")).toBe(403);
    expect(await heard("X-Method-Override: post")).toBe(403);
    expect(await heard("X-Other: POST")).toBe(200);
  });

  it("a WebSocket is refused where its rule does not allow one", async () => {
    const upgrade = { nginx: "X-Original-Upgrade", caddy: "X-Forwarded-Upgrade", traefik: "Upgrade", envoy: "Upgrade" };
    const lines = [bearer(), `${upgrade[proxy]}: WebSocket`];
    expect(codeHeard(await about("GET", "/x", lines))).toBe("websocket-not-allowed");
    expect(codeHeard(await about("GET", "/public/a", lines))).toBe("websocket-not-allowed");
    expect((await about("GET", "/socket", lines)).status).toBe(200);
  });

  it("a body is refused under a bound when the proxy does not say how large it is", async () => {
    const [start, own] = ASKS[proxy]("PUT", "/small/a");
    const unsaid = own.filter((line) => !line.startsWith("X-Original-Body"));
    expect(codeHeard(await ask(start, [...unsaid, bearer()]))).toBe("payload-too-large");
    expect((await about("GET", "/small/a", [bearer()])).status).toBe(200);
  });

  it("the last entry of X-Forwarded-For is the client, and what comes before it is hearsay", async () => {
    const bound = await gateway.issue({ allowedIps: ["203.0.113.0/24"] });
    const from = async (value: string) =>
      (await about("GET", "/x", [bearer(bound), `X-Forwarded-For: ${value}`])).status;
    expect(await from("203.0.113.9")).toBe(200);
    expect(await from("198.51.100.1, 203.0.113.9")).toBe(200);
    expect(await from("203.0.113.9, 198.51.100.1")).toBe(403);
    expect((await about("GET", "/x", [bearer(bound)])).status).toBe(403);
  });

  it("units are held only where somebody can settle them", async () => {
    const held = await about("GET", "/priced", [bearer()]);
    expect(held.headers.get("rekey-reservation")).toMatch(/^res_/);
    const before = await spentBy(key);
    expect((await about("GET", "/refunding", [bearer()])).headers.get("rekey-reservation")).toBeNull();
    expect((await spentBy(key)) - before).toBe(2);
  });

  it("nobody but the proxy may ask", async () => {
    const [start, own] = ASKS[proxy]("GET", "/public/a");
    for (const token of [null, "", "wrong", `${TOKEN}x`, TOKEN.slice(1)]) {
      const answer = await ask(start, own, token);
      expect([answer.status, codeOf(answer)]).toEqual([403, "forbidden"]);
    }
  });

  it("is off without a proxy token", async () => {
    await using off = await startGateway({ vars: { REKEY_PROXY_TOKEN: "" } });
    const [start, own] = ASKS[proxy]("GET", "/x");
    const answer = await sendRaw(off.rekey.url, rawRequest(off.rekey.url, `${start} HTTP/1.1`, own));
    expect([answer.status, codeOf(answer)]).toEqual([404, "not-found"]);
  });
});

describe("nginx says how large a body is", () => {
  it.each([
    ["10//HTTP/1.1", 200],
    ["//HTTP/1.1", 200],
    ["11//HTTP/1.1", 403],
    ["/chunked/HTTP/1.1", 403],
    ["5/chunked/HTTP/1.1", 403],
    ["//HTTP/2.0", 403],
    ["x//HTTP/1.1", 403],
    ["5", 403],
    ["", 403],
  ])("length, encoding and protocol %j under a bound of 10: %i", async (said, status) => {
    const lines = ["X-Original-Method: PUT", "X-Original-URI: /small/a", `X-Original-Body: ${said}`, bearer()];
    const answer = await ask(`GET ${AT}/nginx/`, lines);
    expect([answer.status, answer.headers.get("rekey-status")]).toEqual([status, status === 200 ? null : "413"]);
  });
});

describe("a path cannot lead out of the question that it is part of", () => {
  it.each([
    "/../../../healthz",
    "/../../../../public/a",
    "/%2e%2e/nginx/x",
    "/../nginx",
    "/x/../../caddy/",
    "/..",
    "/../",
  ])("envoy asks about %s", async (uri) => {
    const lines = [bearer(), "X-Original-URI: /public/a", "X-Original-Method: GET", "X-Forwarded-Uri: /public/a"];
    const answer = await ask(`GET ${AT}/envoy${uri}`, lines);
    expect([answer.status, codeOf(answer)]).toEqual([400, "invalid-path"]);
    expect(gateway.seen()).toEqual([]);
  });

  it("not even dots that stay inside are resolved: the proxy forwards what it asked about", async () => {
    expect((await ask(`GET ${AT}/envoy/a/../public/b`)).status).toBe(400);
    expect((await ask(`GET ${AT}/envoy/public/b`)).status).toBe(200);
  });

  it.each([
    "/_rekey/healthz",
    "/_rekey/readyz",
    "/_rekey/docs",
    "/_rekey/openapi.json",
    "/_rekey/v1/jwks.json",
    "/_rekey/v1/keys",
    "/public/a",
    "/socket",
    "/",
  ])("a call with the proxy token is no yes anywhere else: %s", async (path) => {
    for (const lines of [[], [bearer()], [`Authorization: Bearer ${gateway.rekey.adminToken}`]]) {
      const answer = await ask(`GET ${path}`, lines);
      expect([answer.status, codeOf(answer)]).toEqual([404, "not-found"]);
    }
    expect(gateway.seen()).toEqual([]);
  });

  it.each(["/../../../healthz", "/../../../docs", "/../../../../public/a"])(
    "nor does it without the token, or with a wrong one: envoy%s",
    async (uri) => {
      for (const token of [null, "wrong"]) {
        const answer = await ask(`GET ${AT}/envoy${uri}`, [], token);
        expect([answer.status, codeOf(answer)]).toEqual([403, "forbidden"]);
      }
    },
  );

  it("each proxy is believed in its own words only", async () => {
    for (const proxy of ["envoy", "nginx"]) {
      const answer = await ask(`GET ${AT}/${proxy}/x`, ["X-Forwarded-Uri: /public/a", "X-Forwarded-Method: GET"]);
      expect([answer.status, codeHeard(answer)]).toEqual([401, "missing-credentials"]);
    }
  });

  it("an unknown proxy is not there", async () => {
    expect(codeOf(await ask(`GET ${AT}/apache/x`, [bearer()]))).toBe("not-found");
    expect(codeOf(await ask(`GET ${AT}`, [bearer()]))).toBe("not-found");
  });
});

const REAL = (["nginx", "caddy"] as const).map((name) => ({ name, program: programOf(name) }));
const installed = REAL.flatMap(({ name, program }) => (program === null ? [] : [{ name, program }]));

describe.each(installed)("the real $name, configured as docs/forward-auth.md says", ({ name, program }) => {
  let proxy: RunningProxy;
  beforeAll(async () => {
    proxy = await startProxy(name, program, { rekey: gateway.rekey.url, origin: gateway.origin.url, token: TOKEN });
  });
  afterAll(() => proxy[Symbol.asyncDispose]());

  const send = (start: string, lines: readonly string[] = [], body = "") =>
    sendRaw(proxy.url, rawRequest(proxy.url, `${start} HTTP/1.1`, lines, body));

  it("passes on whoever is admitted, with their identity and without the credential", async () => {
    const before = await spentBy(key);
    const answer = await send("POST /orders/7?a=b", [bearer(), "Content-Length: 5"], "hello");
    expect(answer.status).toBe(200);
    const [seen] = gateway.seen();
    expect([seen!.method, seen!.target, seen!.body]).toEqual(["POST", "/orders/7?a=b", "hello"]);
    expect(valuesOf(seen, "rekey-key-id")).toEqual([key.id]);
    expect(valuesOf(seen, "rekey-owner")).toEqual(["acme"]);
    expect(valuesOf(seen, "rekey-scopes")).toEqual(["orders:*"]);
    expect(JSON.stringify(seen)).not.toContain(key.key);
    expect(JSON.stringify(seen)).not.toContain(TOKEN);
    expect((await spentBy(key)) - before).toBe(5);
  });

  it("lets nothing through that a client made up about itself", async () => {
    const spellings = [
      "Rekey-Owner",
      "Rekey-Key-Id",
      "rekey-scopes",
      "REKEY-KEY-VERSION",
      "Rekey-Assertion",
      "Rekey-Request-Id",
    ];
    const underscored = spellings.map((spelling) => spelling.replaceAll("-", "_"));
    const lines = [...spellings, ...underscored].map((spelling) => `${spelling}: evil`);
    const nobody = await gateway.issue();
    for (const [path, more] of [
      ["/x", [bearer(nobody)]],
      ["/public/a", []],
    ] as const) {
      expect((await send(`GET ${path}`, [...lines, ...more])).status).toBe(200);
      expect(JSON.stringify(gateway.seen())).not.toContain("evil");
    }
  });

  it("a client cannot choose what is asked about, nor for whom", async () => {
    const bound = await gateway.issue({ allowedIps: ["203.0.113.0/24"] });
    const lies = ["URI: /public/a", "Method: GET"].flatMap((lie) => [`X-Original-${lie}`, `X-Forwarded-${lie}`]);
    expect((await send("POST /orders/7", [...lies, "Content-Length: 0"])).status).toBe(401);
    expect((await send("GET /x", [bearer(bound), "X-Forwarded-For: 203.0.113.9"])).status).toBe(403);
    expect(gateway.seen()).toEqual([]);
  });

  it("refuses in the right words: 401 with a challenge, 403, 429 with Retry-After; nothing arrives", async () => {
    const spent = await gateway.issue({ quota: { limit: 1, period: "day" } });
    expect((await send("GET /x", [bearer(spent)])).status).toBe(200);
    gateway.seen();
    const none = await send("GET /x");
    expect([none.status, none.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect((await send("GET /x", ["Authorization: Bearer junk"])).status).toBe(401);
    const limited = await send("GET /x", [bearer(spent)]);
    expect(limited.status).toBe(429);
    expect(Number(limited.headers.get("retry-after"))).toBeGreaterThan(0);
    const scopeless = await gateway.issue();
    expect((await send("POST /orders/7", [bearer(scopeless), "Content-Length: 0"])).status).toBe(403);
    expect((await send("GET /a;b", [bearer()])).status).toBe(400);
    expect(gateway.seen()).toEqual([]);
    for (const [answer, code] of [
      [none, "missing-credentials"],
      [limited, "quota-exceeded"],
    ] as const) {
      expect([answer.headers.get("content-type"), codeOf(answer)]).toEqual(["application/problem+json", code]);
      expect(answer.headers.get("rekey-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
    }
    expect(limited.headers.get("ratelimit")).toMatch(/^"quota";r=0/);
  });

  it("tells who is admitted what is left, and under which request", async () => {
    const one = await gateway.issue({ quota: { limit: 9, period: "day" } });
    const answer = await send("GET /x", [bearer(one)]);
    expect(answer.headers.get("ratelimit")).toMatch(/^"quota";r=8/);
    expect(answer.headers.get("x-ratelimit-remaining")).toBe("8");
    expect(answer.headers.get("rekey-request-id")).toBe(valuesOf(gateway.seen()[0], "rekey-request-id")[0]);
    const unlimited = await send("GET /x", [bearer(await gateway.issue())]);
    expect([unlimited.headers.has("ratelimit"), unlimited.headers.has("rekey-new-key")]).toEqual([false, false]);
  });

  it("lets a WebSocket through where its rule says so, and only there", async () => {
    const upgrade = [
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ];
    expect((await send("GET /x", [bearer(), ...upgrade])).status).toBe(403);
    expect(gateway.seen()).toEqual([]);
    await send("GET /socket", [bearer(), ...upgrade]);
    expect(valuesOf(gateway.seen()[0], "upgrade")).toEqual(["websocket"]);
  });

  it("refuses a body above its rule's bound, whoever says how long it is", async () => {
    const body = "x".repeat(11);
    expect((await send("PUT /small/a", [bearer(), "Content-Length: 11"], body)).status).toBe(413);
    expect(
      (await send("PUT /small/a", [bearer(), "Transfer-Encoding: chunked"], `b\r\n${body}\r\n0\r\n\r\n`)).status,
    ).toBe(413);
    expect(gateway.seen()).toEqual([]);
  });

  it("answers 503, never a pass, when nobody can decide", async () => {
    await using silent = await onLoopback(
      createServer((_request, response) => void response.writeHead(503, { "retry-after": "1" }).end()),
    );
    await using cut = await startProxy(name, program, { rekey: silent.url, origin: gateway.origin.url, token: TOKEN });
    const answer = await sendRaw(cut.url, rawRequest(cut.url, "GET /public/a HTTP/1.1"));
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(gateway.seen()).toEqual([]);
  });

  it("a key that was revoked is dead with the next request", async () => {
    const one = await gateway.issue();
    expect((await send("GET /x", [bearer(one)])).status).toBe(200);
    await gateway.control("POST", `/keys/${one.id}/revoke`, {});
    expect((await send("GET /x", [bearer(one)])).status).toBe(401);
  });
});

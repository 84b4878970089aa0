import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { codeOf, startGateway, valuesOf, type Gateway, type IssuedKey } from "../support/gateway.ts";
import { programOf, startProxy, type RunningProxy } from "../support/proxies.ts";
import { rawRequest, sendRaw } from "../support/raw-http.ts";
import { testSecrets } from "../support/settings.ts";

const TOKEN = testSecrets.REKEY_PROXY_TOKEN;
const ROUTES = [
  { path: "/public/*", public: true },
  { path: "/orders/*", methods: ["POST"], scopes: ["orders:write"], cost: 5 },
  { path: "/refunding", cost: 2, refundOn: ["5xx"] },
  { path: "/priced", reserve: 10 },
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
const bearer = (one = key) => `Authorization: Bearer ${one.key}`;
const AT = "/_rekey/v1/forward-auth";

/** How each proxy asks about the same request. */
const ASKS = {
  nginx: (method: string, uri: string) => [
    `GET ${AT}/nginx/`,
    [`X-Original-Method: ${method}`, `X-Original-URI: ${uri}`],
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
      const understood = !isNginx || status === 401 || status === 403;
      expect([answer.status, codeOf(answer)]).toEqual([understood ? status : 403, code]);
      expect(answer.headers.get("rekey-status")).toBe(understood ? null : String(status));
      expect(Number(answer.headers.get("retry-after") ?? 0) > 0).toBe(status === 429);
    }
  });

  it.each(["/a//b", "/a%2fb", "/a;b", "/..%2f_rekey"])("%s has two readings and gets no yes", async (uri) => {
    const answer = await about("GET", uri, [bearer()]);
    expect([answer.status, codeOf(answer)]).toEqual([isNginx ? 403 : 400, "invalid-path"]);
  });

  it("the path that is judged is the canonical one", async () => {
    const reader = await gateway.issue();
    const answer = await about("POST", "/public/../%6frders/7", [bearer(reader)]);
    expect(codeOf(answer)).toBe("insufficient-scope");
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

  it("but dots that stay inside are resolved", async () => {
    expect((await ask(`GET ${AT}/envoy/a/../public/b`)).status).toBe(200);
  });

  it("each proxy is believed in its own words only", async () => {
    for (const proxy of ["envoy", "nginx"]) {
      const answer = await ask(`GET ${AT}/${proxy}/x`, ["X-Forwarded-Uri: /public/a", "X-Forwarded-Method: GET"]);
      expect([answer.status, codeOf(answer)]).toEqual([401, "missing-credentials"]);
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
  });

  it("a key that was revoked is dead with the next request", async () => {
    const one = await gateway.issue();
    expect((await send("GET /x", [bearer(one)])).status).toBe(200);
    await gateway.control("POST", `/keys/${one.id}/revoke`, {});
    expect((await send("GET /x", [bearer(one)])).status).toBe(401);
  });
});

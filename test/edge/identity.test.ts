import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { codeOf, startGateway, valuesOf, type Gateway, type IssuedKey } from "../support/gateway.ts";

let gateway: Gateway;
let acme: IssuedKey;
beforeAll(async () => {
  gateway = await startGateway();
  acme = await gateway.issue({ owner: "acme", scopes: ["orders:read", "orders:write"] });
});
beforeEach(() => void gateway.seen());
afterAll(() => gateway[Symbol.asyncDispose]());

const names = (of: Gateway) => of.seen().flatMap(({ headers }) => headers.map(([name]) => name));

describe("the origin learns who was admitted, and from whom it does", () => {
  it("id, owner, version, scopes and request id, and no credential", async () => {
    const response = await gateway.use(acme.key, "/v1/orders");
    const [seen] = gateway.seen();
    const told = Object.fromEntries(seen!.headers.filter(([name]) => name.startsWith("rekey-")));
    expect(told).toEqual({
      "rekey-assertion": expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      "rekey-hop": expect.stringMatching(/^[0-9a-f]{32}$/),
      "rekey-key-id": acme.id,
      "rekey-key-version": "1",
      "rekey-owner": "acme",
      "rekey-request-id": response.headers.get("rekey-request-id"),
      "rekey-scopes": "orders:read orders:write",
    });
    expect(JSON.stringify(seen)).not.toContain(acme.key);
  });

  it("the version of the secret that was used, also in its grace", async () => {
    const old = await gateway.issue();
    const { key } = await gateway.control("POST", `/keys/${old.id}/rotate`, { graceSeconds: 600 });
    await gateway.use(old.key);
    await gateway.use(key as string);
    expect(gateway.seen().map((seen) => valuesOf(seen, "rekey-key-version"))).toEqual([["1"], ["2"]]);
  });

  it("a key without owner and scopes has no such headers, whatever the client says", async () => {
    const nobodys = await gateway.issue();
    await gateway.useRaw(nobodys.key, "GET /", ["Rekey-Owner: evil", "Rekey-Scopes: admin", "rekey_owner: evil"]);
    expect(names(gateway).filter((name) => /owner|scopes/.test(name))).toEqual([]);
  });
});

describe("A7: identity and forwarding headers of a client never arrive, in any spelling", () => {
  const spellings = [
    "Rekey-Owner",
    "rekey-owner",
    "REKEY-OWNER",
    "rekey_owner",
    "Rekey_Owner",
    "REKEY_OWNER",
    "Rekey-Key-Id",
    "REKEY-KEY-ID",
    "rekey_key_id",
    "rekey_key-id",
    "rekey-key_id",
    "Rekey-Key-Version",
    "rekey_key_version",
    "Rekey-Scopes",
    "rekey_scopes",
    "Rekey-Request-Id",
    "Rekey-Assertion",
    "Rekey-Hop",
    "Rekey-Proxy-Token",
    "Rekey-Anything",
    "Forwarded",
    "X-Forwarded-For",
    "X_Forwarded_For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-Uri",
    "X-Forwarded-User",
    "X-Real-IP",
    "X_Real_IP",
    "X-Client-IP",
    "True-Client-IP",
    "X-Original-URL",
    "X_Original_URL",
    "X-Rewrite-URL",
    "X-Original-Method",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X_HTTP_Method_Override",
    "Proxy",
  ];

  it.each(spellings)("%s", async (name) => {
    expect((await gateway.useRaw(acme.key, "GET /", [`${name}: evil`])).status).toBe(200);
    expect(JSON.stringify(gateway.seen())).not.toContain("evil");
  });

  it("all at once, twice each", async () => {
    const lines = spellings.flatMap((name) => [`${name}: evil`, `${name}: evil2`]);
    expect((await gateway.useRaw(acme.key, "GET /", lines)).status).toBe(200);
    const [seen] = gateway.seen();
    expect(JSON.stringify(seen)).not.toContain("evil");
    expect(valuesOf(seen, "rekey-owner")).toEqual(["acme"]);
    expect(valuesOf(seen, "rekey-key-id")).toEqual([acme.id]);
  });

  it("the address, host and scheme are the ones we know", async () => {
    await gateway.useRaw(acme.key, "GET /", ["CF-Connecting-IP: 203.0.113.7", "X-Forwarded-For: 1.1.1.1"]);
    const [seen] = gateway.seen();
    expect(valuesOf(seen, "x-forwarded-for")).toEqual(["203.0.113.7"]);
    expect(valuesOf(seen, "x-forwarded-host")).toEqual([new URL(gateway.rekey.url).host]);
    expect(valuesOf(seen, "x-forwarded-proto")).toEqual(["http"]);
  });

  it("the client's other headers arrive as they were", async () => {
    await gateway.useRaw(acme.key, "GET /", ["X-Custom: a", "x_custom: b", "Cookie: a=1; b=2", 'If-None-Match: "x"']);
    const [seen] = gateway.seen();
    for (const [name, value] of [
      ["x-custom", "a"],
      ["x_custom", "b"],
      ["cookie", "a=1; b=2"],
      ["if-none-match", '"x"'],
    ]) {
      expect(valuesOf(seen, name!)).toEqual([value]);
    }
  });
});

describe("allowedIps", () => {
  it("is judged by the address that Cloudflare saw, not by what the client says", async () => {
    const bound = await gateway.issue({ allowedIps: ["203.0.113.0/24"] });
    const from = async (...lines: string[]) => {
      const answer = await gateway.useRaw(bound.key, "GET /", lines);
      return answer.status === 200 ? "admitted" : codeOf(answer);
    };
    expect(await from("CF-Connecting-IP: 203.0.113.9")).toBe("admitted");
    expect(await from("CF-Connecting-IP: 198.51.100.1")).toBe("ip-not-allowed");
    expect(await from("CF-Connecting-IP: 198.51.100.1", "X-Forwarded-For: 203.0.113.9")).toBe("ip-not-allowed");
    expect(await from("X-Forwarded-For: 203.0.113.9", "X-Real-IP: 203.0.113.9")).toBe("ip-not-allowed");
    expect(await from("CF-Connecting-IP: 203.0.113.9", "CF-Connecting-IP: 198.51.100.1")).toBe("ip-not-allowed");
    expect(await from()).toBe("ip-not-allowed");
  });
});

describe("A8: what is meant for one connection goes no further", () => {
  it.each([
    ["Connection: close, rekey-key-id"],
    ["Connection: rekey-key-id, rekey-owner, rekey-scopes, rekey-key-version, rekey-request-id, x-forwarded-for"],
    ["Connection: Rekey-Key-Id"],
    ["Connection: keep-alive", "Connection: rekey-owner"],
  ])("identity survives %s", async (...lines) => {
    expect((await gateway.useRaw(acme.key, "GET /", [...lines, "CF-Connecting-IP: 203.0.113.7"])).status).toBe(200);
    const [seen] = gateway.seen();
    expect(valuesOf(seen, "rekey-key-id")).toEqual([acme.id]);
    expect(valuesOf(seen, "rekey-owner")).toEqual(["acme"]);
    expect(valuesOf(seen, "x-forwarded-for")).toEqual(["203.0.113.7"]);
  });

  it("what Connection names goes no further, nor what is always meant for one connection", async () => {
    const lines = [
      "Connection: x-mine",
      "X-Mine: 1",
      "X-Kept: 2",
      "TE: trailers",
      "Trailer: x",
      "Keep-Alive: timeout=5",
    ];
    const more = ["Proxy-Authorization: Basic dTpw", "Proxy-Connection: close", "Upgrade: h2c", "HTTP2-Settings: AAMA"];
    expect((await gateway.useRaw(acme.key, "GET /", [...lines, ...more])).status).toBe(200);
    const arrived = names(gateway);
    expect(arrived).toContain("x-kept");
    expect(
      arrived.filter((name) => /^(?:x-mine|te|trailer|keep-alive|proxy-.*|upgrade|http2-settings)$/.test(name)),
    ).toEqual([]);
  });

  it("Expect is not passed on: the body is not held back for an answer nobody gives", async () => {
    const answer = await gateway.useRaw(acme.key, "POST /", ["Content-Length: 5", "Expect: 100-continue"], "hello");
    expect(answer.status).toBe(200);
    const [seen] = gateway.seen();
    expect(seen!.body).toBe("hello");
    expect(valuesOf(seen, "expect")).toEqual([]);
  });
});

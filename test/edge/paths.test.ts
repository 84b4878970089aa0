import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { codeOf, startGateway, valuesOf, type Gateway, type IssuedKey } from "../support/gateway.ts";
import { sendRaw } from "../support/raw-http.ts";

let gateway: Gateway;
let key: IssuedKey;
beforeAll(async () => {
  gateway = await startGateway();
  key = await gateway.issue({ quota: { limit: 1_000_000, period: "day" } });
});
beforeEach(() => void gateway.seen());
afterAll(() => gateway[Symbol.asyncDispose]());

const spent = async () => ((await gateway.control("GET", `/keys/${key.id}`)) as { quota: { used: number } }).quota.used;

describe("A9: the path that is judged is the path that is forwarded", () => {
  it.each([
    ["/v1/orders?a=b&c=%2F..%2f", "/v1/orders?a=b&c=%2F..%2f"],
    ["/a%20b/caf%C3%A9", "/a%20b/caf%C3%A9"],
    ["/users/a%40b.example", "/users/a%40b.example"],
    ["/models/gpt:generate", "/models/gpt:generate"],
    ["/a/%2e%2e/b", "/b"],
    ["/a/../b?c=../d", "/b?c=../d"],
    ["/%61dmin", "/admin"],
    ["/caf\xc3\xa9", "/caf%C3%A9"],
    ["/items[0]", "/items%5B0%5D"],
    ["/_rekey/../x", "/x"],
    ["/a?", "/a?"],
    ["/?q=%00&r={|}\\", "/?q=%00&r={|}\\"],
  ])("%s arrives as %s", async (written, arrived) => {
    expect((await gateway.useRaw(key.key, `GET ${written}`)).status).toBe(200);
    expect(gateway.seen().map(({ target }) => target)).toEqual([arrived]);
  });

  it.each([
    "//x",
    "//evil.example/x",
    "/a//b",
    "/a%2fb",
    "/a%2Fb",
    "/..%2fb",
    "/a%5cb",
    "/a\\b",
    "/\\evil.example/x",
    "/a;x=1",
    "/..;/b",
    "/a%3bx",
    "/a%00b",
    "/a%0d%0ab",
    "/a%",
    "/a%zz",
    "/%252e%252e/x",
    "/%25%32%65",
    "/a%ff",
    "/%c0%ae%c0%ae/x",
    "/%e0%80%af",
    "*",
  ])("%s is refused, spends nothing and is not forwarded", async (written) => {
    const before = await spent();
    const answer = await gateway.useRaw(key.key, `GET ${written}`);
    expect([answer.status, codeOf(answer)]).toEqual([400, "invalid-path"]);
    expect(gateway.seen()).toEqual([]);
    expect(await spent()).toBe(before);
  });

  it.each(["/a\xe9", "/a\x01b", "/a\x7fb", "/a b", "/a\tb"])("%j does not even reach the Worker", async (written) => {
    expect((await gateway.useRaw(key.key, `GET ${written}`)).status).toBe(400);
    expect(gateway.seen()).toEqual([]);
  });
});

describe("A9: Rekey's own paths, and every other spelling of them", () => {
  it.each(["/_rekey", "/_rekey/", "/_rekey/v1/keys", "/_rekey/nothing-here", "/x/../_rekey/v1/keys", "/./_rekey"])(
    "%s is answered by Rekey and never forwarded, whatever key comes with it",
    async (path) => {
      const answer = await gateway.useRaw(key.key, `GET ${path}`);
      // 403: it is a key of ours, but none that may make control calls.
      expect([401, 403, 404]).toContain(answer.status);
      expect(gateway.seen()).toEqual([]);
    },
  );

  it.each([
    "/%5Frekey",
    "/%5frekey/v1/keys",
    "/_%72ekey",
    "//_rekey",
    "//_rekey/v1/keys",
    "/x/../%5Frekey",
    "/_rekey%2fv1",
    "/_rekey;/v1",
    "/_rekey\\v1",
    "/%255Frekey",
    "/%25%35Frekey",
    "/_rekey%00",
  ])("%s is refused, with a key and with the admin token", async (path) => {
    for (const credential of [key.key, gateway.rekey.adminToken]) {
      const answer = await gateway.useRaw(credential, `GET ${path}`);
      expect([answer.status, codeOf(answer)]).toEqual([400, "invalid-path"]);
    }
    expect(gateway.seen()).toEqual([]);
  });

  it("they are routed on the canonical path, too", async () => {
    const answer = await gateway.useRaw(gateway.rekey.adminToken, "GET /x/../_rekey/v1/%6Beys");
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toHaveProperty("items");
  });

  it("a Host header cannot move the path", async () => {
    for (const host of ["x/_rekey", "x/_rekey?", "x#", "a@b", "a, b", "a b", "x\\y", "[::1"]) {
      const bytes = `GET /v1 HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${key.key}\r\nConnection: close\r\n\r\n`;
      const answer = await sendRaw(gateway.rekey.url, bytes);
      expect([host, answer.status, codeOf(answer)]).toEqual([host, 400, "invalid-request"]);
    }
    expect(gateway.seen()).toEqual([]);
  });
});

describe("A10: no path and no answer leads to another host", () => {
  it.each(["//evil.example/x", "/\\evil.example/x", "/%2f%2fevil.example/x", "/%5c%5cevil.example"])(
    "%s is refused",
    async (path) => expect((await gateway.useRaw(key.key, `GET ${path}`)).status).toBe(400),
  );

  it.each(["http://evil.example/x", "https://evil.example/x"])(
    "an absolute target (%s) is read as its path, and the origin stays ours",
    async (target) => {
      expect((await gateway.useRaw(key.key, `GET ${target}`)).status).toBe(200);
      const [seen] = gateway.seen();
      expect(seen!.target).toBe("/x");
      expect(valuesOf(seen, "host")).toEqual([new URL(gateway.origin.url).host]);
    },
  );

  it("a redirect is passed on and not followed", async () => {
    gateway.origin.on("/redirect", (_request, response) => response.writeHead(302, { location: "/elsewhere" }).end());
    const response = await gateway.use(key.key, "/redirect");
    expect([response.status, response.headers.get("location")]).toEqual([302, "/elsewhere"]);
    expect(gateway.seen()).toEqual([]);
  });

  it.each([301, 303, 307, 308])("also a %i, with its body", async (status) => {
    gateway.origin.on(`/${status}`, (_request, response) =>
      response.writeHead(status, { location: "http://evil.example/" }).end("moved"),
    );
    const response = await gateway.use(key.key, `/${status}`, { method: "POST", body: "x" });
    expect([response.status, await response.text()]).toEqual([status, "moved"]);
  });
});

describe("A11: methods", () => {
  it.each(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])("%s passes as it is", async (method) => {
    expect((await gateway.useRaw(key.key, `${method} /m`)).status).toBe(200);
    expect(gateway.seen().map((seen) => seen.method)).toEqual([method]);
  });

  it.each(["TRACE", "PROPFIND", "PURGE", "QUERY", "MKCOL", "SEARCH"])(
    "%s is refused, spends nothing and is not forwarded",
    async (method) => {
      const before = await spent();
      const answer = await gateway.useRaw(key.key, `${method} /m`);
      expect([answer.status, codeOf(answer)]).toEqual([405, "method-not-allowed"]);
      expect(answer.headers.get("allow")).toBe("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
      expect(gateway.seen()).toEqual([]);
      expect(await spent()).toBe(before);
    },
  );

  // The runtime refuses these itself: the Worker is not asked.
  it.each(["CONNECT /m", "CONNECT evil.example:443", "FOO /m", "get /m", "TRACK /m"])(
    "%s is refused before it reaches the Worker",
    async (start) => {
      const before = await spent();
      expect((await gateway.useRaw(key.key, start)).status).toBeGreaterThanOrEqual(400);
      expect(gateway.seen()).toEqual([]);
      expect(await spent()).toBe(before);
    },
  );

  it("a preflight is ordinary traffic and needs a key", async () => {
    const lines = ["Origin: https://app.example", "Access-Control-Request-Method: PUT"];
    const answer = await gateway.useRaw(null, "OPTIONS /m", lines);
    expect([answer.status, codeOf(answer)]).toEqual([401, "missing-credentials"]);
    expect(gateway.seen()).toEqual([]);
  });

  it("OPTIONS * names no path", async () => {
    expect(codeOf(await gateway.useRaw(key.key, "OPTIONS *"))).toBe("invalid-path");
  });
});

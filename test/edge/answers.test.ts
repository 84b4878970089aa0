import { createServer, type AddressInfo, type Server } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { codeOf, startGateway, type Gateway, type IssuedKey } from "../support/gateway.ts";
import { sendRaw } from "../support/raw-http.ts";

let gateway: Gateway;
let key: IssuedKey;
beforeAll(async () => {
  gateway = await startGateway();
  key = await gateway.issue();
  gateway.origin.on("/headers", (request, response) => {
    const wanted = JSON.parse(decodeURIComponent(request.url!.split("?")[1]!)) as Record<string, string | string[]>;
    for (const [name, value] of Object.entries(wanted)) response.setHeader(name, value);
    response.end("ok");
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** The answer to a request whose origin sets these headers. */
const answerWith = (headers: Record<string, string | string[]>) =>
  gateway.use(key.key, `/headers?${encodeURIComponent(JSON.stringify(headers))}`);

describe("the origin's answer is passed on as it is", () => {
  it.each([
    200, 201, 202, 204, 205, 206, 300, 302, 304, 400, 401, 403, 404, 410, 418, 429, 500, 501, 502, 503, 504, 599,
  ])("status %i", async (status) => {
    gateway.origin.on("/status", (_request, response) => response.writeHead(status, { "x-origin": "yes" }).end());
    const response = await gateway.use(key.key, "/status");
    expect([response.status, response.headers.get("x-origin")]).toEqual([status, "yes"]);
  });

  it("a 401 of the origin's is the origin's", async () => {
    gateway.origin.on("/401", (_request, response) =>
      response.writeHead(401, { "www-authenticate": 'Basic realm="origin"' }).end("who?"),
    );
    const response = await gateway.use(key.key, "/401");
    expect(response.headers.get("www-authenticate")).toBe('Basic realm="origin"');
    expect(await response.text()).toBe("who?");
  });

  it("several cookies stay several", async () => {
    const cookies = ["a=1; Path=/; HttpOnly", "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "c=3"];
    expect((await answerWith({ "set-cookie": cookies })).headers.getSetCookie()).toEqual(cookies);
  });

  it.each([
    ["gzip", gzipSync("hello")],
    ["br", brotliCompressSync("hello")],
  ])("a body in %s is neither unpacked nor packed twice", async (coding, body) => {
    gateway.origin.on("/coded", (_request, response) =>
      response.writeHead(200, { "content-encoding": coding, "content-length": body.length }).end(body),
    );
    const response = await gateway.use(key.key, "/coded", { headers: { "accept-encoding": coding } });
    expect(response.headers.get("content-encoding")).toBe(coding);
    expect(await response.text()).toBe("hello");
  });

  it("to HEAD: its headers and no body", async () => {
    gateway.origin.on("/head", (request, response) =>
      response.writeHead(200, { "content-length": 5, etag: '"1"' }).end(request.method === "HEAD" ? "" : "hello"),
    );
    const answer = await gateway.useRaw(key.key, "HEAD /head");
    expect([answer.status, answer.headers.get("etag"), answer.body]).toEqual([200, '"1"', ""]);
    expect(answer.headers.get("content-length")).toBe("5");
  });

  it("server-sent events arrive one by one, while the answer is still open", async () => {
    let send = (_text: string): unknown => undefined;
    gateway.origin.on("/events", (_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 0\n\n");
      send = (text) => (text === "" ? response.end() : response.write(text));
    });
    const response = await gateway.use(key.key, "/events");
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const events: string[] = [];
    // Each event is sent only when the one before has arrived: anything that collects would stand still here.
    for (let at = 0; at < 5; at++) {
      events.push((await reader.read()).value!);
      send(at < 4 ? `data: ${at + 1}\n\n` : "");
    }
    expect(events).toEqual([0, 1, 2, 3, 4].map((at) => `data: ${at}\n\n`));
    expect((await reader.read()).done).toBe(true);
  });
});

describe("what the client is told beside it", () => {
  it("the request's id, the decision, and what is left", async () => {
    const limits = {
      quota: { limit: 5, period: "none" },
      rateLimits: [{ name: "burst", algorithm: "window", limit: 3, windowSeconds: 60 }],
    };
    const limited = await gateway.issue(limits);
    const response = await gateway.use(limited.key);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "rekey-request-id": expect.stringMatching(/^req_[0-9a-f]{32}$/),
      "rekey-decision": expect.stringMatching(/^\d+\.\d+$/),
      "ratelimit-policy": '"burst";q=3;w=60, "quota";q=5',
      ratelimit: '"burst";r=2;t=61, "quota";r=4',
      "x-ratelimit-limit": "3",
      "x-ratelimit-remaining": "2",
    });

    await gateway.use(limited.key);
    await gateway.use(limited.key);
    const refused = await gateway.use(limited.key);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ code: "rate-limited", limit: "burst" });
    expect(Object.fromEntries(refused.headers)).toMatchObject({
      "rekey-decision": expect.stringMatching(/^\d+\.\d+$/),
      "retry-after": expect.stringMatching(/^(?:[1-5]?\d|6[01])$/),
      "ratelimit-policy": '"burst";q=3;w=60, "quota";q=5',
      "x-ratelimit-remaining": "0",
    });
  });

  it("a balance that is used up says no time to come back", async () => {
    const spent = await gateway.issue({ quota: { limit: 1, period: "none" } });
    await gateway.use(spent.key);
    const refused = await gateway.use(spent.key);
    expect(await refused.json()).toMatchObject({ code: "quota-exceeded", limit: "quota" });
    expect(refused.headers.has("retry-after")).toBe(false);
  });

  it("limits are the key's, not the origin's, where the key has some", async () => {
    const headers = { "x-ratelimit-limit": "99", ratelimit: '"theirs";r=1', "ratelimit-policy": '"theirs";q=1' };
    expect((await answerWith(headers)).headers.get("x-ratelimit-limit")).toBe("99");
    const limited = await gateway.issue({ quota: { limit: 5, period: "none" } });
    const path = `/headers?${encodeURIComponent(JSON.stringify(headers))}`;
    const told = (await gateway.use(limited.key, path)).headers;
    expect([told.get("x-ratelimit-limit"), told.get("ratelimit"), told.get("ratelimit-policy")]).toEqual([
      "5",
      '"quota";r=4',
      '"quota";q=5',
    ]);
  });

  it("what the origin says in Rekey's name is not passed on", async () => {
    const response = await answerWith({ "rekey-decision": "9.9", "rekey-request-id": "theirs", "Rekey-Other": "x" });
    expect(response.headers.get("rekey-decision")).not.toBe("9.9");
    expect(response.headers.get("rekey-request-id")).not.toBe("theirs");
    expect(response.headers.has("rekey-other")).toBe(false);
  });
});

describe("A15: an answer to one key is never kept for another", () => {
  it.each([
    [{}, "private"],
    [{ "cache-control": "public, max-age=600" }, "private, max-age=600"],
    [{ "cache-control": "public, s-maxage=600" }, "private"],
    [{ "cache-control": "no-store" }, "private, no-store"],
    [{ "cache-control": 'private="x", max-age=5' }, "private, max-age=5"],
  ])("%j becomes %j", async (headers, expected) => {
    const response = await answerWith(headers);
    expect(response.headers.get("cache-control")).toBe(expected);
    expect(response.headers.get("vary")).toBe("Authorization, X-API-Key");
  });

  it("orders to shared caches beside it are taken out", async () => {
    const orders = ["CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires"];
    const { headers } = await answerWith(Object.fromEntries(orders.map((name) => [name, "max-age=600"])));
    expect(orders.filter((name) => headers.has(name))).toEqual([]);
  });

  it("the origin is asked anew each time, whatever it allowed", async () => {
    let asked = 0;
    gateway.origin.on("/cached.css", (_request, response) => {
      response.writeHead(200, { "cache-control": "public, max-age=31536000, immutable" }).end(String(++asked));
    });
    const other = await gateway.issue();
    const answers = [];
    for (const one of [key.key, key.key, other.key]) answers.push(await (await gateway.use(one, "/cached.css")).text());
    expect(answers).toEqual(["1", "2", "3"]);
  });

  it("refusals are not kept at all", async () => {
    expect((await gateway.use("nobody's")).headers.get("cache-control")).toBe("no-store");
  });
});

describe("A14: a WebSocket would outlive the key it was admitted with", () => {
  it.each(["websocket", "WebSocket", "h2c, websocket"])(
    "Upgrade: %s is refused and spends nothing",
    async (upgrade) => {
      const counted = await gateway.issue({ quota: { limit: 1, period: "none" } });
      const handshake = ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"];
      const answer = await gateway.useRaw(counted.key, "GET /", [`Upgrade: ${upgrade}`, ...handshake]);
      expect([answer.status, codeOf(answer)]).toEqual([403, "websocket-not-allowed"]);
      expect((await gateway.use(counted.key)).status).toBe(200);
    },
  );
});

describe("an origin that does not answer", () => {
  it("nobody listens: 502, told to who was admitted", async () => {
    await using alone = await startGateway({ origin: "http://127.0.0.1:1" });
    const issued = await alone.issue();
    for (const method of ["GET", "POST"]) {
      const init = method === "POST" ? { method, body: "x" } : { method };
      const response = await alone.use(issued.key, "/", init);
      expect([method, response.status]).toEqual([method, 502]);
      expect(await response.json()).toMatchObject({ code: "origin-unreachable" });
      expect(response.headers.get("rekey-decision")).toMatch(/^\d+\.\d+$/);
    }
    expect((await alone.use("nobody's")).status).toBe(401);
  });

  describe("or not as HTTP has it", () => {
    let server: Server;
    let strange: Gateway;
    let strangers: IssuedKey;
    let says = "";
    beforeAll(async () => {
      server = createServer((socket) => socket.on("error", () => {}).once("data", () => socket.end(says)));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      strange = await startGateway({ origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
      strangers = await strange.issue();
    });
    afterAll(async () => {
      await strange[Symbol.asyncDispose]();
      server.close();
    });

    it.each([
      ["hangs up", ""],
      ["talks nonsense", "nonsense\r\n\r\n"],
      ["gives a status that does not exist", "HTTP/1.1 999 Strange\r\ncontent-length: 2\r\n\r\nhi"],
      ["gives half a head", "HTTP/1.1 200 OK\r\ncontent-le"],
    ])("%s: 502, never 500", async (_name, text) => {
      says = text;
      const response = await strange.use(strangers.key);
      expect(response.status).toBe(502);
      expect(await response.json()).toMatchObject({ code: "origin-unreachable" });
    });
  });

  it("silence ends after ORIGIN_TIMEOUT_MS with 504, and no log has the credential", async () => {
    await using impatient = await startGateway({ vars: { ORIGIN_TIMEOUT_MS: "100" } });
    const { key: issued } = await impatient.issue();
    let hungUp = false;
    impatient.origin.on("/hang", (request) => request.socket.on("close", () => (hungUp = true)));
    for (const init of [{}, { method: "POST", body: "x" }]) {
      const response = await impatient.use(issued, "/hang", init);
      expect(response.status).toBe(504);
      expect(await response.json()).toMatchObject({ code: "origin-timeout" });
    }
    expect(hungUp).toBe(true);
    expect(impatient.rekey.logs.filter((line) => line.includes(issued))).toEqual([]);
  });
});

describe("never to itself", () => {
  it("ORIGIN_URL names the gateway's own host: 503 misconfigured, nothing spent", async () => {
    await using own = await startGateway({ origin: "http://127.0.0.1:9" });
    const { key: issued } = await own.issue({ quota: { limit: 1, period: "none" } });
    const ask = (host: string) =>
      sendRaw(own.rekey.url, `GET / HTTP/1.1\r\nHost: ${host}\r\nX-API-Key: ${issued}\r\nConnection: close\r\n\r\n`);
    const refused = await ask("127.0.0.1:9");
    expect([refused.status, codeOf(refused)]).toEqual([503, "misconfigured"]);
    // The unit is still there: this one gets as far as the origin, where nobody listens.
    expect((await ask("localhost:9")).status).toBe(502);
  });

  it("without any origin on a machine of its own, the loop is seen at its first turn", async () => {
    await using circle = await startGateway({ origin: "" });
    const { key: issued } = await circle.issue();
    const response = await circle.use(issued);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "misconfigured", detail: expect.stringContaining("itself") });
  });
});

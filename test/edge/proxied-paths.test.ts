import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canonicalTargetOf } from "../../src/edge/path.ts";
import { FRAMEWORKS, type Api, type Framework } from "../support/frameworks.ts";
import { startGateway, type Gateway, type IssuedKey } from "../support/gateway.ts";
import { onLoopback } from "../support/on-loopback.ts";
import { programOf, startProxy, type ProxyName, type RunningProxy } from "../support/proxies.ts";
import { rawRequest, sendRaw } from "../support/raw-http.ts";
import { testSecrets } from "../support/settings.ts";
import { SPELLINGS } from "../support/spellings.ts";

const ROUTES = [{ path: "/public/*", public: true }, { path: "/admin/*", scopes: ["admin"] }, { path: "/*" }];
const PROXIES = (["nginx", "caddy"] as const).flatMap((name) => {
  const program = programOf(name);
  return program === null ? [] : [{ name, program }];
});
const PAIRS = PROXIES.flatMap((proxy) =>
  Object.keys(FRAMEWORKS).map((name) => ({ ...proxy, framework: name as Framework })),
);

let gateway: Gateway;
let nobody: IssuedKey;
let admin: IssuedKey;
beforeAll(async () => {
  gateway = await startGateway({ vars: { ROUTES: JSON.stringify(ROUTES) } });
  nobody = await gateway.issue();
  admin = await gateway.issue({ scopes: ["admin"] });
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** As the bytes that a client sends: characters beyond ASCII in UTF-8. */
const inBytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

const get = (proxy: RunningProxy, target: string, lines: readonly string[] = []) =>
  sendRaw(proxy.url, rawRequest(proxy.url, `GET ${inBytes(target)} HTTP/1.1`, lines));

/** Sends all spellings, a few at a time. */
async function sendAll(proxy: RunningProxy, lines: readonly string[] = []): Promise<void> {
  const left = [...SPELLINGS];
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let target = left.shift(); target !== undefined; target = left.shift()) await get(proxy, target, lines);
    }),
  );
}

const start = async (name: ProxyName, program: string, api: Api, rekey = gateway.rekey.url) =>
  startProxy(name, program, { rekey, origin: api.url, token: testSecrets.REKEY_PROXY_TOKEN });

it("the table has at least 200 spellings", () => {
  expect(SPELLINGS.length).toBeGreaterThanOrEqual(200);
});

describe.each(PAIRS)("behind $name, $framework serves its admin handler", ({ name, program, framework }) => {
  let api: Api;
  let proxy: RunningProxy;
  beforeAll(async () => {
    api = await FRAMEWORKS[framework]();
    proxy = await start(name, program, api);
  });
  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await api[Symbol.asyncDispose]();
  });

  it("to a key with the scope, and its public handler to anybody", async () => {
    expect((await get(proxy, "/admin/x", [`Authorization: Bearer ${admin.key}`])).body).toContain("admin");
    expect((await get(proxy, "/public/x")).body).toContain("public");
    expect((await get(proxy, "/admin/x")).status).toBe(401);
    expect([api.adminSaw(), api.saw()]).toEqual([["/admin/x"], ["/admin/x", "/public/x"]]);
  });

  it("to nobody without a key, however the path is spelled; what arrives is what was judged", async () => {
    await sendAll(proxy);
    expect(api.adminSaw()).toEqual([]);
    for (const target of api.saw()) {
      expect(canonicalTargetOf(`https://api.test${target}`), target).toMatchObject({ ok: true });
      expect(target).toMatch(/^\/public(?:\/|$)/);
    }
  });

  it("to no key without the scope, however the path is spelled", async () => {
    await sendAll(proxy, [`Authorization: Bearer ${nobody.key}`]);
    expect(api.adminSaw()).toEqual([]);
  });
});

/** Decides as forward-auth once did: about the path that the dots resolve to, whatever is forwarded. */
function startResolving() {
  const server = createServer((request, response) => {
    const asked = request.headers["x-original-uri"] ?? request.headers["x-forwarded-uri"] ?? "/";
    const { pathname } = new URL(String(asked), "http://rekey.test");
    const isPublic = pathname === "/public" || pathname.startsWith("/public/");
    response.writeHead(isPublic ? 200 : 401).end();
  });
  return onLoopback(server);
}

it.each(PROXIES)(
  "control: behind $name a decision about the resolved path lets strangers into an admin handler",
  async ({ name, program }) => {
    await using resolving = await startResolving();
    await using api = await FRAMEWORKS.Express();
    await using proxy = await start(name, program, api, resolving.url);
    await sendAll(proxy);
    expect(api.adminSaw().length).toBeGreaterThan(0);
  },
);

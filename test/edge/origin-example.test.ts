import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { guard } from "../../src/local/guarded.ts";
import { freePort } from "../support/checkout.ts";
import { startGateway, type Gateway, type IssuedKey } from "../support/gateway.ts";

const root = join(import.meta.dirname, "../..");

/** Keeps what the origin was sent last, so that it can be sent again by somebody else. */
let overheard: { method: string; url: string; assertion: string };
let stops: (() => Promise<unknown>)[];
let gateway: Gateway;
let origin: string;
let key: IssuedKey;

beforeAll(async () => {
  const doc = await readFile(join(root, "docs/origin.md"), "utf8");
  const home = await mkdtemp(join(tmpdir(), "rekey-origin-"));
  await writeFile(join(home, "origin.mjs"), /```js\n([\s\S]*?)```/.exec(doc)![1]!);
  await symlink(join(root, "node_modules"), join(home, "node_modules"));

  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const wire = createServer((incoming, answer) => {
    const { method, url, headers } = incoming;
    overheard = { method: method!, url: url!, assertion: String(headers["rekey-assertion"]) };
    const outgoing = httpRequest(origin + url!, { method: method!, headers }, (response) => {
      answer.writeHead(response.statusCode!, response.headers);
      response.pipe(answer);
    });
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => wire.listen(0, "127.0.0.1", resolve));

  gateway = await startGateway({ origin: `http://127.0.0.1:${(wire.address() as AddressInfo).port}` });
  const child = spawn(process.execPath, ["origin.mjs"], {
    cwd: home,
    env: { ...process.env, PORT: String(port), GATEWAY: gateway.rekey.url },
    stdio: "inherit",
    detached: true,
  });
  stops = [guard(child), () => rm(home, { recursive: true }), async () => wire.close()];
  await vi.waitFor(() => fetch(origin), 10_000);
  key = await gateway.issue({ scopes: ["orders:read"] });
});
afterAll(async () => {
  for (const stop of stops) await stop();
  await gateway[Symbol.asyncDispose]();
});

const directly = async (path: string, assertion: string, method = "GET") =>
  (await fetch(origin + path, { method, headers: { "rekey-assertion": assertion, "rekey-key-id": key.id } })).status;

it("the example of docs/origin.md believes what comes through the gateway, and who it is", async () => {
  const response = await gateway.use(key.key, "/v1/orders?page=2");
  expect([response.status, await response.text()]).toEqual([200, `hello ${key.id}, with orders:read\n`]);
});

it("and nothing else: no headers without an assertion, none for another method or path, none that is altered", async () => {
  await (await gateway.use(key.key, "/v1/orders")).text();
  const { assertion } = overheard;
  expect(await directly("/v1/orders", assertion)).toBe(200);
  expect(await directly("/v1/orders", "")).toBe(403);
  expect(await directly("/v1/orders", assertion, "DELETE")).toBe(403);
  expect(await directly("/v1/others", assertion)).toBe(403);
  const [head, claims, signature] = assertion.split(".") as [string, string, string];
  const decoded = JSON.parse(Buffer.from(claims, "base64url").toString()) as object;
  const altered = (change: object) => Buffer.from(JSON.stringify({ ...decoded, ...change })).toString("base64url");
  expect(await directly("/v1/orders", `${head}.${altered({ scope: "admin" })}.${signature}`)).toBe(403);
  const unsigned = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
  expect(await directly("/v1/orders", `${unsigned}.${claims}.`)).toBe(403);
});

it("not even from another gateway, nor for another host", async () => {
  const other = JSON.stringify({
    kty: "OKP",
    crv: "Ed25519",
    x: "OPXVeVYiz5mrbLw40h9qF6plgyegEYSbfdZlQQ8jAM8",
    d: "s88kaSewMXp3bD1oWSkWHRqKKeShMwIkbiJ9Gr6T09c",
    kid: "2026-11",
  });
  for (const vars of [{ REKEY_ASSERTION_KEY: other }, {}]) {
    await using elsewhere = await startGateway({ vars });
    const theirs = await elsewhere.issue();
    await elsewhere.use(theirs.key, "/v1/orders");
    const assertion = elsewhere.seen()[0]!.headers.find(([name]) => name === "rekey-assertion")![1];
    expect(await directly("/v1/orders", assertion)).toBe(403);
  }
});

import { once } from "node:events";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { codeOf, startGateway, valuesOf, type Gateway, type IssuedKey } from "../support/gateway.ts";
import { startWsOrigin, type WsOrigin } from "../support/ws-origin.ts";

const ROUTES = [
  { path: "/live/*", websocket: true, assertion: true, scopes: ["live:use"] },
  { path: "/open", websocket: true, public: true },
];

let origin: WsOrigin;
let gateway: Gateway;
let key: IssuedKey;
beforeAll(async () => {
  origin = await startWsOrigin();
  gateway = await startGateway({ origin: origin.url, vars: { ROUTES: JSON.stringify(ROUTES) } });
  key = await gateway.issue({ scopes: ["live:*"], owner: "acme", quota: { limit: 100, period: "day" } });
});
beforeEach(() => void origin.seen.splice(0));
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await origin[Symbol.asyncDispose]();
});

const open = (path: string, credential: string | null, protocols: readonly string[] = []) =>
  new WebSocket(gateway.rekey.url.replace("http", "ws") + path, protocols, {
    headers: credential === null ? {} : { authorization: `Bearer ${credential}` },
  });

const spent = async () => ((await gateway.control("GET", `/keys/${key.id}`)) as { quota: { used: number } }).quota.used;

const UPGRADE = ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="];

describe("a WebSocket, where the rule allows it", () => {
  it("carries text and bytes both ways, costs one unit, and the origin knows who it is", async () => {
    const before = await spent();
    const socket = open("/live/a?b=c", key.key, ["one", "two"]);
    await once(socket, "open");
    expect(socket.protocol).toBe("two");
    for (const sent of ["hello", "x".repeat(100_000), Buffer.from([0, 255, 1])]) {
      socket.send(sent);
      const [data] = (await once(socket, "message")) as [Buffer];
      expect(data.equals(Buffer.from(sent as string))).toBe(true);
    }
    const [seen] = origin.seen;
    expect(seen!.target).toBe("/live/a?b=c");
    expect(valuesOf(seen, "rekey-key-id")).toEqual([key.id]);
    expect(valuesOf(seen, "rekey-owner")).toEqual(["acme"]);
    expect(valuesOf(seen, "rekey-assertion")).toHaveLength(1);
    expect(JSON.stringify(seen)).not.toContain(key.key);
    socket.close(4001, "enough");
    await once(socket, "close");
    await expect.poll(() => origin.ends.splice(0)).toEqual([{ code: 4001, reason: "enough" }]);
    expect((await spent()) - before).toBe(1);
  });

  it("ends in the origin's words when the origin ends it", async () => {
    const socket = open("/live/a", key.key);
    await once(socket, "open");
    socket.send("close 4000 bye");
    const [code, reason] = (await once(socket, "close")) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4000, "bye"]);
    origin.ends.splice(0);
  });

  it("opens on a public path without a key", async () => {
    const socket = open("/open", null);
    await once(socket, "open");
    expect(valuesOf(origin.seen[0], "rekey-key-id")).toEqual([]);
    socket.terminate();
  });
});

describe("a WebSocket is not opened", () => {
  let weak: IssuedKey;
  beforeAll(async () => {
    weak = await gateway.issue();
  });

  it.each([
    ["where no rule allows it", "/elsewhere", "good", 403, "websocket-not-allowed"],
    ["without a key", "/live/a", "none", 401, "missing-credentials"],
    ["with a key that lacks the scope", "/live/a", "weak", 403, "insufficient-scope"],
  ])("%s", async (_name, path, which, status, code) => {
    const credential = which === "none" ? null : which === "weak" ? weak.key : key.key;
    const answer = await gateway.useRaw(credential, `GET ${path}`, UPGRADE);
    expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    expect(origin.seen).toEqual([]);
  });
  it("when the origin does not want to: its answer is passed on", async () => {
    const response = await gateway.use(key.key, "/live/a");
    expect([response.status, await response.text()]).toEqual([426, "only WebSockets here"]);
  });
});

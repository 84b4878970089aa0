import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
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

const open = (path: string, credential: string | null, protocols: readonly string[] = [], perMessageDeflate = true) =>
  new WebSocket(gateway.rekey.url.replace("http", "ws") + path, protocols, {
    perMessageDeflate,
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

describe("each side of a WebSocket ends in the other's words", () => {
  const opened = async () => {
    const socket = open("/live/a", key.key);
    await once(socket, "open");
    return socket;
  };
  const heardBy = async (socket: WebSocket) => {
    const [code, reason] = (await once(socket, "close")) as [number, Buffer];
    return { code, reason: reason.toString() };
  };
  beforeEach(() => void origin.ends.splice(0));

  it.each([
    ["close 4000 bye", { code: 4000, reason: "bye" }],
    ["close 1011 oops", { code: 1011, reason: "oops" }],
    ["close", { code: 1005, reason: "" }],
    ["vanish", { code: 1014, reason: "the origin is gone" }],
  ])("the client, when the origin does this: %s", async (command, heard) => {
    const socket = await opened();
    socket.send(command);
    expect(await heardBy(socket)).toEqual(heard);
  });

  it.each<[string, (socket: WebSocket) => void, { code: number; reason: string }]>([
    ["closes with a code", (socket) => socket.close(4001, "enough"), { code: 4001, reason: "enough" }],
    ["closes without one", (socket) => socket.close(), { code: 1005, reason: "" }],
    ["vanishes", (socket) => socket.terminate(), { code: 1001, reason: "the client is gone" }],
  ])("the origin, when the client %s", async (_name, end, heard) => {
    end(await opened());
    await expect.poll(() => origin.ends).toEqual([heard]);
  });
});

describe("what passes through a WebSocket", () => {
  it("is unchanged, compressed or not, however long", async () => {
    for (const perMessageDeflate of [true, false]) {
      const socket = open("/live/a", key.key, [], perMessageDeflate);
      await once(socket, "open");
      expect(socket.extensions).toBe(perMessageDeflate ? "permessage-deflate" : "");
      for (const sent of [Buffer.alloc(0), randomBytes(2_000_000), "ä".repeat(1_000_000)]) {
        socket.send(sent);
        const [data, isBinary] = (await once(socket, "message")) as [Buffer, boolean];
        expect([isBinary, data.equals(Buffer.from(sent as string))]).toEqual([typeof sent !== "string", true]);
      }
      socket.terminate();
    }
  });

  it("waits in memory for who does not read it, but not without end", async () => {
    const socket = open("/live/a", key.key, [], false);
    await once(socket, "open");
    socket.pause();
    origin.ends.splice(0);
    socket.send("flood");
    await expect
      .poll(() => origin.ends, { timeout: 10_000 })
      .toEqual([{ code: 1013, reason: "too much is waiting to be read" }]);
    socket.terminate();
  });
});

describe("P14: an open WebSocket ends with its key", () => {
  it.each<[string, string, string]>([
    ["is revoked", "revoke", "key-revoked"],
    ["is suspended", "suspend", "key-suspended"],
    ["is rotated without grace", "rotate", "key-rotated"],
  ])("both sides are closed with 4401 and the reason within a second when it %s", async (_name, verb, reason) => {
    const { key: credential, id } = await gateway.issue({ scopes: ["live:*"] });
    const socket = open("/live/a", credential);
    await once(socket, "open");
    origin.ends.splice(0);
    const closed = once(socket, "close").then(([code, text]) => ({ code, reason: String(text), at: Date.now() }));
    const before = Date.now();
    await gateway.control("POST", `/keys/${id}/${verb}`, {});
    const { at, ...heard } = await closed;
    expect(heard).toEqual({ code: 4401, reason });
    expect(at - before).toBeLessThan(1_000);
    await expect.poll(() => origin.ends).toEqual([{ code: 4401, reason }]);
    const { items } = (await gateway.control("GET", `/keys/${id}/events`)) as { items: object[] };
    expect(items[0]).toMatchObject({ type: "key.exchanges-cut", detail: { count: 1 } });
  });

  it("each closes as its key does, the others go on", async () => {
    const { key: credential, id } = await gateway.issue({ scopes: ["live:*"] });
    const [ends, stays] = [open("/live/a", credential), open("/live/a", key.key)];
    await Promise.all([once(ends, "open"), once(stays, "open")]);
    await gateway.control("POST", `/keys/${id}/revoke`, {});
    await once(ends, "close");
    stays.send("still there?");
    expect(String((await once(stays, "message"))[0])).toBe("still there?");
    stays.terminate();
  });
});

describe("a WebSocket of a key that may have so many exchanges open", () => {
  /** The socket, or the status of its refusal. */
  const attempt = (credential: string): Promise<WebSocket | number> =>
    new Promise((resolve, reject) => {
      const socket = open("/live/a", credential);
      socket.once("open", () => resolve(socket));
      socket.once("error", reject);
      socket.once("unexpected-response", (_request: unknown, { statusCode }: IncomingMessage) => {
        socket.removeAllListeners("error").on("error", () => {});
        socket.terminate();
        resolve(statusCode!);
      });
    });

  /** As many as there are slots for, once whoever had them before has given them back. */
  const fill = (credential: string, count: number): Promise<readonly WebSocket[]> =>
    Promise.all(
      Array.from({ length: count }, async () => {
        for (const until = Date.now() + 5_000; Date.now() < until;) {
          const opened = await attempt(credential);
          if (typeof opened !== "number") return opened;
        }
        throw new Error("a slot never came back");
      }),
    );

  it.each<[string, (socket: WebSocket) => void]>([
    ["when its client closes it", (socket) => socket.close()],
    ["when its client vanishes", (socket) => socket.terminate()],
    ["when its origin closes it", (socket) => socket.send("close 4000 bye")],
    ["when its origin vanishes", (socket) => socket.send("vanish")],
  ])("has its slot for as long as it lives, and gives it back %s: 100 of 100", async (_name, end) => {
    const { key: credential } = await gateway.issue({ scopes: ["live:*"], maxConcurrent: 100 });
    const sockets = await fill(credential, 100);
    expect(await attempt(credential)).toBe(429);
    sockets.forEach(end);
    const again = await fill(credential, 100);
    expect(await attempt(credential)).toBe(429);
    for (const socket of again) socket.terminate();
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

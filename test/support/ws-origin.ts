import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { onLoopback } from "./on-loopback.ts";
import { seenOf, type Seen } from "./node-origin.ts";

/**
 * A real WebSocket server behind the gateway. It echoes; `close 4000 bye` makes it close in these words, `close` without
 * any, `vanish` go away without a word, and `flood` send 64 MiB.
 */
export type WsOrigin = AsyncDisposable & {
  readonly url: string;
  /** The opening requests. */
  readonly seen: Seen[];
  /** How each conversation ended, as the origin was told. */
  readonly ends: { readonly code: number; readonly reason: string }[];
};

export async function startWsOrigin(): Promise<WsOrigin> {
  const seen: Seen[] = [];
  const ends: { code: number; reason: string }[] = [];
  const server = createServer((request, response) => {
    seen.push(seenOf(request));
    response.writeHead(426).end("only WebSockets here");
  });
  const sockets = new WebSocketServer({
    server,
    perMessageDeflate: true,
    handleProtocols: (offered) => [...offered].at(-1) ?? false,
  });
  sockets.on("connection", (socket, request) => {
    seen.push(seenOf(request));
    socket.on("message", (data: Buffer, isBinary: boolean) => {
      const text = isBinary ? "" : data.toString();
      const asked = /^close (\d+) (.*)$/.exec(text);
      if (asked !== null) socket.close(Number(asked[1]), asked[2]);
      else if (text === "close") socket.close();
      else if (text === "vanish") socket.terminate();
      else if (text === "flood") for (let sent = 0; sent < 64; sent++) socket.send(randomBytes(1024 * 1024));
      else socket.send(isBinary ? data : text);
    });
    socket.on("close", (code: number, reason: Buffer) => ends.push({ code, reason: reason.toString() }));
  });
  const listening = await onLoopback(server);
  return {
    url: listening.url,
    seen,
    ends,
    async [Symbol.asyncDispose]() {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      await listening[Symbol.asyncDispose]();
    },
  };
}

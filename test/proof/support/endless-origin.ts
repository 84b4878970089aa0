import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { onLoopback, type OnLoopback } from "../../support/on-loopback.ts";
import { EndlessAnswers } from "../../support/open-streams.ts";

/** An API behind the gateway that never ends by itself: event streams, and WebSockets that echo. */
export async function startEndlessOrigin(): Promise<OnLoopback> {
  const answer = new EndlessAnswers().route({ "content-type": "text/event-stream" }, "data: first\n\n");
  const server = createServer(answer);
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
  const listening = await onLoopback(server);
  return {
    url: listening.url,
    async [Symbol.asyncDispose]() {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      await listening[Symbol.asyncDispose]();
    },
  };
}

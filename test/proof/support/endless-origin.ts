import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { EndlessAnswers } from "../../support/open-streams.ts";

/** An API behind the gateway that never ends by itself: event streams, and WebSockets that echo. */
export async function startEndlessOrigin(): Promise<AsyncDisposable & { readonly url: string }> {
  const answer = new EndlessAnswers().route({ "content-type": "text/event-stream" }, "data: first\n\n");
  const server = createServer(answer);
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

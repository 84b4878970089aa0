import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** An API to put Rekey in front of: it answers what it was sent, so that one can see what arrives and what does not. */
export type DemoOrigin = { readonly url: string; close(): Promise<void> };

/** Listens on a free port of this machine only. */
export async function startDemoOrigin(): Promise<DemoOrigin> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** `/status/<code>` answers that code, `/slow/<ms>` waits (at most 30 s), `/stream/<n>` sends n lines, one every 100 ms. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [, route, argument] = new URL(request.url ?? "/", "http://origin").pathname.split("/");
  const number = Number(argument ?? 0);

  if (route === "stream") {
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
    for (let line = 1; line <= Math.min(number, 100) && !response.destroyed; line++) {
      response.write(`line ${line}\n`);
      await wait(100);
    }
    response.end();
    return;
  }

  if (route === "slow") await wait(Math.min(number, 30_000));
  let bodyBytes = 0;
  for await (const chunk of request) bodyBytes += (chunk as Buffer).length;

  const status = route === "status" && number >= 200 && number <= 599 ? number : 200;
  response.writeHead(status, { "content-type": "application/json" });
  // These statuses have no body.
  if (status === 204 || status === 205 || status === 304) return void response.end();
  const echo = { method: request.method, path: request.url, bodyBytes, headers: request.headers };
  response.end(`${JSON.stringify(echo, null, 2)}\n`);
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

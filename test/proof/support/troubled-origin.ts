import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

const MB = 1024 * 1024;

/** What an origin does to a request, told by the last part of its path. */
const TROUBLES: Readonly<Record<string, (response: ServerResponse, request: IncomingMessage) => void | Promise<void>>> =
  {
    well: (response) => void response.end("well"),
    slow: async (response) => {
      await pause(100);
      response.end("slow");
    },
    huge: (response) => void response.end(Buffer.alloc(MB)),
    failing: (response) => void response.writeHead(500).end("the origin's own words"),
    hanging: () => {},
    "hanging-up": (_response, request) => void request.socket.destroy(),
    "breaking-off": async (response) => {
      response.writeHead(200, { "content-length": MB }).write("the beginning");
      await pause(50);
      response.destroy();
    },
  };

/** An API behind the gateway that is in trouble, and counts by key what reaches it nevertheless. */
export type TroubledOrigin = AsyncDisposable & {
  readonly url: string;
  /** How many requests have arrived that the gateway vouched for as this key's. */
  readonly arrived: (keyId: string) => number;
};

export async function startTroubledOrigin(): Promise<TroubledOrigin> {
  const arrived = new Map<string, number>();
  const server = createServer((request, response) => {
    const keyId = String(request.headers["rekey-key-id"]);
    arrived.set(keyId, (arrived.get(keyId) ?? 0) + 1);
    void TROUBLES[request.url!.split("/").at(-1)!]!(response, request);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrived: (keyId) => arrived.get(keyId) ?? 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

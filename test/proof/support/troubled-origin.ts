import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { onLoopback, type OnLoopback } from "../../support/on-loopback.ts";

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
export type TroubledOrigin = OnLoopback & {
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
  return { ...(await onLoopback(server)), arrived: (keyId) => arrived.get(keyId) ?? 0 };
}

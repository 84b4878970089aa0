import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { onLoopback, type OnLoopback } from "./on-loopback.ts";

/** A request as it arrived at the origin. */
export type Seen = {
  readonly method: string;
  /** Path and query, byte for byte. */
  readonly target: string;
  /** Names in lower case; a repeated name is there once for each time it was sent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
};

/** Answers a request instead of the default. Reads the body itself if it wants one. */
export type OriginRoute = (request: IncomingMessage, response: ServerResponse) => void;

/** A real HTTP server behind the gateway. It tells each caller what it saw, as JSON. */
export type NodeOrigin = OnLoopback & {
  readonly seen: Seen[];
  /** Adds or replaces what a path is answered with, whatever the query. */
  on(path: string, route: OriginRoute): void;
};

export async function startNodeOrigin(): Promise<NodeOrigin> {
  const seen: Seen[] = [];
  const routes = new Map<string, OriginRoute>();

  // Wider than the gateway's own bound, so that it is the gateway's that shows.
  const server = createServer({ maxHeaderSize: 256 * 1024 }, (request, response) => {
    const route = routes.get(request.url!.replace(/\?.*$/, ""));
    if (route !== undefined) return route(request, response);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const one = seenOf(request, Buffer.concat(chunks).toString("latin1"));
      seen.push(one);
      response.setHeader("content-type", "application/json").end(JSON.stringify(one));
    });
  });
  return { ...(await onLoopback(server)), seen, on: (path, route) => void routes.set(path, route) };
}

export function seenOf({ method, url, rawHeaders }: IncomingMessage, body = ""): Seen {
  const names = rawHeaders.filter((_, at) => at % 2 === 0);
  const headers = names.map((name, at) => [name.toLowerCase(), rawHeaders[at * 2 + 1]!] as const);
  return { method: method!, target: url!, headers, body };
}

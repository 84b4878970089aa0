import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * What becomes of one request. `lose`: it reaches the deployment, its answer does not come back. `drop`: neither does.
 * `busy`: somebody on the way answers, and the deployment never hears of it.
 */
export type Fate = "pass" | "lose" | "drop" | "busy";

export type LosingProxy = AsyncDisposable & {
  readonly url: string;
  /** What becomes of the next requests, in order; what comes after them passes. */
  meet(...fates: readonly Fate[]): void;
  /** Every request since the start, with its `Idempotency-Key`. */
  readonly seen: readonly { readonly method: string; readonly path: string; readonly idempotencyKey: string | null }[];
};

/** A way to the deployment at `target` on which answers get lost when the test says so. */
export async function losingProxy(target: string): Promise<LosingProxy> {
  const fates: Fate[] = [];
  const seen: LosingProxy["seen"][number][] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const { method = "GET", url = "/", headers } = request;
      const body = await bodyOf(request);
      const fate = fates.shift() ?? "pass";
      seen.push({ method, path: url, idempotencyKey: (headers["idempotency-key"] as string | undefined) ?? null });
      if (fate === "drop") return void request.socket.destroy();
      if (fate === "busy") {
        return void response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad gateway</h1>");
      }
      const answer = await fetch(target + url, {
        method,
        headers: Object.entries(headers).filter(
          (header): header is [string, string] => typeof header[1] === "string" && !HOP.has(header[0]),
        ),
        ...(body.length > 0 && { body }),
      });
      const text = await answer.text();
      if (fate === "lose") return void request.socket.destroy();
      const kept = [...answer.headers].filter(([name]) => !HOP.has(name));
      response.writeHead(answer.status, Object.fromEntries(kept)).end(text);
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    meet: (...next) => void fates.push(...next),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Headers that belong to one connection, not to the message. */
const HOP = new Set(["connection", "keep-alive", "host", "content-length", "transfer-encoding"]);

async function bodyOf(request: IncomingMessage): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

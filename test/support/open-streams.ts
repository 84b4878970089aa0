import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Gateway } from "./gateway.ts";
import { rawRequest } from "./raw-http.ts";

/** A stream as its client sees it. */
export type OpenStream = {
  readonly status: number;
  /** What has arrived so far. */
  readonly text: () => string;
  /** How it ended, and when: `whole`, or `broken`, as a connection that is lost. */
  readonly ended: Promise<{ readonly how: "whole" | "broken"; readonly at: number }>;
  /** The client goes away. */
  readonly leave: () => void;
};

/** Opens an answer and reads it in the background. Fulfilled when its head is here, or when it was refused. */
export async function openStream(
  gateway: Gateway,
  key: string,
  path: string,
  init: RequestInit = {},
): Promise<OpenStream> {
  const leaving = new AbortController();
  const response = await gateway.use(key, path, { ...init, signal: leaving.signal });
  let text = "";
  const read = async () => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        text += decoder.decode(chunk, { stream: true });
      }
      return { how: "whole", at: Date.now() } as const;
    } catch {
      return { how: "broken", at: Date.now() } as const;
    }
  };
  return { status: response.status, text: () => text, ended: read(), leave: () => leaving.abort() };
}

/**
 * The same over a bare socket, for answers in chunks: a thousand clients in one process must not be slower than what they
 * measure. Fulfilled at the first byte of the body.
 */
export function openRawStream(
  gateway: { readonly rekey: Pick<Gateway["rekey"], "url"> },
  key: string,
  path: string,
): Promise<Pick<OpenStream, "status" | "ended" | "leave">> {
  const { url } = gateway.rekey;
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(rawRequest(url, `GET ${path} HTTP/1.1`, [`Authorization: Bearer ${key}`]));
  let text = "";
  const ended = new Promise<Awaited<OpenStream["ended"]>>((resolve) => {
    socket.once("close", () => resolve({ how: text.endsWith("\r\n0\r\n\r\n") ? "whole" : "broken", at: Date.now() }));
  });
  return new Promise((resolve, reject) => {
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
      const [head, body] = text.split("\r\n\r\n", 2);
      if (body) resolve({ status: Number(head!.slice(9, 12)), ended, leave: () => socket.destroy() });
    });
    socket.on("error", reject);
  });
}

/** Answers of an origin that go on until they are told to end. */
export class EndlessAnswers {
  readonly #open = new Set<ServerResponse>();
  /** How many of them were broken off from the gateway's side. */
  givenUp = 0;

  /** A route of the origin: sends these headers and a first word. */
  readonly route =
    (headers: Record<string, string>, first: string) =>
    (_request: IncomingMessage, response: ServerResponse): void => {
      this.#open.add(response);
      response.on("close", () => {
        this.#open.delete(response);
        if (!response.writableFinished) this.givenUp += 1;
      });
      response.writeHead(200, headers).write(first);
    };

  get open(): number {
    return this.#open.size;
  }

  say(text: string): void {
    for (const response of this.#open) response.write(text);
  }

  end(): void {
    for (const response of this.#open) response.end();
  }
}

import { Agent, request, type IncomingHttpHeaders } from "node:http";

export type Response = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

/** Connections are kept, as many as there are clients: what is measured is the product, not handshakes. */
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

export type Request = {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Hangs up after so many milliseconds, whatever came until then. */
  readonly hangUpAfterMs?: number;
};

/** One request; `null` if no whole answer came. Never made twice: it may have been carried out. */
export function ask(url: string, { method, headers, body, hangUpAfterMs }: Request): Promise<Response | null> {
  const { promise, resolve } = Promise.withResolvers<Response | null>();
  const text = body === undefined ? undefined : JSON.stringify(body);
  const sent = request(url, {
    agent,
    method,
    headers: text === undefined ? headers : { ...headers, "content-type": "application/json" },
  });
  const timer = hangUpAfterMs === undefined ? undefined : setTimeout(() => sent.destroy(), hangUpAfterMs);
  sent.on("response", (answer) => {
    const chunks: Buffer[] = [];
    answer.on("data", (chunk: Buffer) => chunks.push(chunk));
    answer.on("end", () => {
      clearTimeout(timer);
      const { statusCode, complete } = answer;
      if (!complete) resolve(null);
      else resolve({ status: statusCode!, headers: answer.headers, body: Buffer.concat(chunks).toString() });
    });
    answer.on("error", () => resolve(null));
    answer.on("close", () => resolve(null));
  });
  sent.on("error", () => {
    clearTimeout(timer);
    resolve(null);
  });
  sent.end(text);
  return promise;
}

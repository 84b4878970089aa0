/** One HTTP/1.1 request as it goes over the wire. `body` is sent as JSON. */
export type RequestParts = {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly bearer: string;
  readonly body?: unknown;
};

/** Renders a request once, so that sending it costs nothing but the write. ASCII only. */
export function render({ method, path, bearer, body }: RequestParts): string {
  const text = body === undefined ? "" : JSON.stringify(body);
  const lines = [`${method} ${path} HTTP/1.1`, "Host: bench.invalid", `Authorization: Bearer ${bearer}`];
  if (body !== undefined) lines.push("Content-Type: application/json", `Content-Length: ${text.length}`);
  return `${lines.join("\r\n")}\r\n\r\n${text}`;
}

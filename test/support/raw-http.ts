import { connect } from "node:net";

export type RawAnswer = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
};

/**
 * Sends these very bytes and reads one answer: for requests that no HTTP client would make.
 *
 * Each character is one byte (Latin-1). The connection is closed after the answer, or after `patienceMs` if the other
 * side neither answers nor closes; an answer that never came has status 0.
 */
export function sendRaw(url: string, bytes: string, patienceMs = 5_000): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(Buffer.from(bytes, "latin1")));
    let received = "";
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(parseAnswer(received) ?? { status: 0, headers: new Headers(), body: received });
    };
    const timer = setTimeout(finish, patienceMs);
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      received += chunk;
      if (isWhole(received)) finish();
    });
    socket.on("end", finish);
    socket.on("error", (cause: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      // A server may reset the connection once it has refused: what it said before counts.
      if (cause.code === "ECONNRESET" || cause.code === "EPIPE") finish();
      else reject(cause);
    });
  });
}

/** A request as text: lines joined as HTTP wants it, and a blank line. `Host` and `Connection: close` are added. */
export function rawRequest(url: string, start: string, headers: readonly string[] = [], body = ""): string {
  return [start, `Host: ${new URL(url).host}`, ...headers, "Connection: close", "", body].join("\r\n");
}

function parseAnswer(text: string): RawAnswer | null {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return null;
  const [start, ...lines] = text.slice(0, headEnd).split("\r\n");
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(start!)?.[1] ?? 0);
  if (status === 100) return parseAnswer(text.slice(headEnd + 4));
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return { status, headers, body: text.slice(headEnd + 4) };
}

function isWhole(text: string): boolean {
  const answer = parseAnswer(text);
  const length = answer?.headers.get("content-length");
  return answer !== null && length !== null && length !== undefined && answer.body.length >= Number(length);
}

import { CUT } from "../key-object/rpc.ts";
import type { Exchange } from "./exchange.ts";

/** How long an ordinary answer may flow before its key's object is asked to watch over it, in milliseconds. */
const ORDINARY_MS = 250;

/** An exchange on its way back to the client, and what is needed to end it with its key. */
export type Line = {
  /** The slot that it holds already, which watches over it too; `null`: it holds none. */
  readonly held: Exchange | null;
  /** Attaches it at its key's object; only asked when it turns out to be long-lived. */
  readonly watch: () => Promise<Exchange | "gone" | "silent">;
  /** Ends the conversation with the origin, and thereby the answer's body. */
  readonly abort: (reason: Error) => void;
  readonly ctx: Pick<ExecutionContext, "waitUntil">;
};

/**
 * Passes an answer on and ends it when its key ends: the client sees a body that breaks off, or a WebSocket closed with
 * 4401. Answers `null` when the key had ended before a long-lived answer could begin.
 *
 * Event streams and WebSockets are attached before the client sees anything of them; any other answer when it is still
 * flowing after a quarter of a second, so that ordinary traffic pays nothing for it.
 */
export async function untilItsKeyEnds(answer: Response, line: Line): Promise<Response | null> {
  if (answer.webSocket !== null) {
    const exchange = await attached(line);
    if (exchange === null) {
      answer.webSocket.accept();
      answer.webSocket.close(CUT, ENDED);
      return null;
    }
    return relayed(answer, answer.webSocket, exchange, line);
  }
  if (answer.body === null) {
    line.held?.end();
    return answer;
  }
  const begun = isEventStream(answer) ? await attached(line) : line.held;
  if (begun === null && isEventStream(answer)) {
    line.abort(new Error(ENDED));
    return null;
  }
  return flowing(answer, answer.body, begun, line);
}

const ENDED = "the key of this exchange has ended";

const isEventStream = ({ headers }: Response): boolean =>
  /^text\/event-stream\b/i.test(headers.get("content-type") ?? "");

async function attached({ held, watch }: Line): Promise<Exchange | null> {
  const exchange = held ?? (await watch());
  return typeof exchange === "string" ? null : exchange;
}

/** The same answer with a body whose end is seen here, and which is cut when the exchange is. */
function flowing(answer: Response, body: ReadableStream, begun: Exchange | null, line: Line): Response {
  const length = answer.headers.get("content-length");
  const { readable, writable } =
    length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
  let over = false;
  const flown = body.pipeTo(writable).then(
    () => (over = true),
    () => (over = true),
  );
  line.ctx.waitUntil(watched());
  return new Response(readable, answer);

  async function watched(): Promise<void> {
    let exchange = begun;
    if (exchange === null) {
      await Promise.race([flown, scheduler.wait(ORDINARY_MS)]);
      if (over) return;
      exchange = await attached(line);
      if (exchange === null) return line.abort(new Error(ENDED));
    }
    void exchange.cut.then(() => line.abort(new Error(ENDED)));
    await flown;
    exchange.end();
  }
}

/** A WebSocket in two halves, so that the gateway can end it: what one side says the other hears. */
function relayed(answer: Response, origin: WebSocket, exchange: Exchange, line: Line): Response {
  const [client, near] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
  near.accept();
  origin.accept();
  const over = Promise.race([relay(near, origin), relay(origin, near)]);
  void exchange.cut.then(() => {
    end(near, CUT, ENDED);
    end(origin, CUT, ENDED);
  });
  line.ctx.waitUntil(over.then(() => exchange.end()));
  return new Response(null, { status: 101, headers: answer.headers, webSocket: client });
}

/** Hands on what one side says until it closes; then the other side is closed in the same words. */
function relay(from: WebSocket, to: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    from.addEventListener("message", ({ data }) => {
      try {
        to.send(data);
      } catch {
        // The other side is gone; its own close ends both.
      }
    });
    from.addEventListener("close", ({ code, reason }) => {
      end(to, code, reason);
      resolve();
    });
    from.addEventListener("error", () => {
      end(to, 1011, "the other side broke off");
      resolve();
    });
  });
}

/** Codes that only the protocol itself may use, and that a close frame must not carry (RFC 6455 section 7.4.1). */
const UNSPEAKABLE = new Set([1004, 1005, 1006, 1015]);

function end(socket: WebSocket, code: number, reason: string): void {
  try {
    if (UNSPEAKABLE.has(code)) socket.close();
    else socket.close(code, reason);
  } catch {
    // It was closed before.
  }
}

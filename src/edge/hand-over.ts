import type { Cargo } from "./cargo.ts";
import type { Exchange } from "./exchange.ts";
import { flow } from "./flow.ts";
import { mayBeShort, takeAtOnce } from "./head.ts";
import { relay } from "./relay.ts";

/**
 * Hands what an answer brings to the client in such a way that it ends with its key. Streams of events and WebSockets are attached
 * before the client sees anything of them; `null` if the key has ended by then. What is short and comes at once goes out
 * in one piece; anything else is attached if it still flows in a while.
 *
 * An exchange with a slot is released before the client can see the end of the answer: whoever asks one thing after the
 * other never waits for a slot of their own.
 */
export async function handOver({ body, headers, webSocket }: Response, exchange: Exchange): Promise<Cargo | null> {
  if (webSocket !== null) {
    const client = relay(webSocket, exchange);
    return (await exchange.attach()) ? { body: null, webSocket: client } : null;
  }
  if (body === null) {
    await exchange.over();
    return { body, webSocket };
  }
  const length = headers.has("content-length") ? Number(headers.get("content-length")) : null;
  if (isEventStream(headers)) {
    return (await exchange.attach()) ? { body: flow(body, null, length, exchange), webSocket } : null;
  }
  if (!mayBeShort(length)) return { body: flow(body, null, length, exchange), webSocket };
  const taken = await takeAtOnce(body, length);
  if (!(taken instanceof Uint8Array)) return { body: flow(body, taken, length, exchange), webSocket };
  await exchange.over();
  return { body: taken, webSocket };
}

/** Server-sent events (WHATWG HTML section 9.2). */
const isEventStream = (headers: Headers): boolean =>
  /^text\/event-stream\s*(?:;|$)/i.test(headers.get("content-type") ?? "");

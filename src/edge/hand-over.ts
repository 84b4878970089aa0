import type { Exchange } from "./exchange.ts";
import { flow } from "./flow.ts";
import { mayBeShort, takeAtOnce } from "./head.ts";
import { relay } from "./relay.ts";
import { withBody } from "./with-body.ts";

/**
 * Hands an answer to the client in such a way that it ends with its key. Streams of events and WebSockets are attached
 * before the client sees anything of them; `null` if the key has ended by then. What is short and comes at once goes out
 * in one piece; anything else is attached if it still flows in a while.
 *
 * An exchange with a slot is released before the client can see the end of the answer: whoever asks one thing after the
 * other never waits for a slot of their own.
 */
export async function handOver(answer: Response, exchange: Exchange): Promise<Response | null> {
  const { body, headers, webSocket } = answer;
  if (webSocket !== null && webSocket !== undefined) {
    const client = relay(webSocket, exchange);
    return (await exchange.attach()) ? new Response(null, { status: 101, headers, webSocket: client }) : null;
  }
  if (body === null) {
    await exchange.over();
    return answer;
  }
  const length = headers.has("content-length") ? Number(headers.get("content-length")) : null;
  if (isEventStream(headers)) {
    return (await exchange.attach()) ? withBody(flow(body, null, length, exchange), answer) : null;
  }
  if (!mayBeShort(length)) return withBody(flow(body, null, length, exchange), answer);
  const taken = await takeAtOnce(body, length);
  if (!(taken instanceof Uint8Array)) return withBody(flow(body, taken, length, exchange), answer);
  await exchange.over();
  return withBody(taken, answer);
}

/** Server-sent events (WHATWG HTML section 9.2). */
const isEventStream = (headers: Headers): boolean =>
  /^text\/event-stream\s*(?:;|$)/i.test(headers.get("content-type") ?? "");

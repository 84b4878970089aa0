import { CUT } from "../key-object/rpc.ts";
import type { Cut } from "./cut.ts";
import type { Exchange } from "./exchange.ts";

/** How the end of one side is told to the other: a close code and a reason. */
type End = { readonly code: number; readonly reason: string };

/** Close codes that are never sent (RFC 6455 section 7.4.1): the close said none, and there was no close. */
const NO_CODE = 1005;
const NO_CLOSE = 1006;

/** What stands for them when a client, or an origin, is gone without a word. */
const GOING_AWAY: End = { code: 1001, reason: "the client is gone" };
const BAD_GATEWAY: End = { code: 1014, reason: "the origin is gone" };

/** One side sends faster than the other reads. */
const TOO_FAST: End = { code: 1013, reason: "too much is waiting to be read" };

/** How much may wait for a side to read it, in bytes. An isolate has 128 MiB for everything. */
const MOST_WAITING_BYTES = 16 * 1024 * 1024;

/**
 * Stands between a client and its origin on a WebSocket, so that it can end with the key: both sides are then closed
 * with 4401 and the reason. Until then every message passes as it is, and each side ends in the other's words.
 *
 * The runtime gives no way to stop reading from a WebSocket. Where one side sends faster than the other reads, messages
 * wait in memory; when too much waits, it is over.
 *
 * @returns the client's end, to be handed over.
 */
export function relay(origin: WebSocket, exchange: Exchange): WebSocket {
  const [far, client] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
  const { signal } = exchange.ending;
  let isOver = false;
  const end = (how: End, ...sides: readonly WebSocket[]) => {
    if (isOver) return;
    isOver = true;
    for (const side of sides) close(side, how);
    signal.removeEventListener("abort", cut);
    void exchange.over();
  };
  const cut = () => end({ code: CUT, reason: (signal.reason as Cut).code }, client, origin);
  const pass = (from: WebSocket, to: WebSocket, lost: End) => {
    from.binaryType = "arraybuffer";
    from.addEventListener("message", ({ data }) => {
      if (isOver) return;
      to.send(data as string | ArrayBuffer);
      if (to.bufferedAmount > MOST_WAITING_BYTES) end(TOO_FAST, client, origin);
    });
    // Whoever closes is answered by the runtime.
    from.addEventListener("close", ({ code, reason }) => end(code === NO_CLOSE ? lost : { code, reason }, to));
    from.addEventListener("error", () => end(lost, to));
    from.accept();
  };
  pass(client, origin, GOING_AWAY);
  pass(origin, client, BAD_GATEWAY);
  signal.addEventListener("abort", cut);
  return far;
}

function close(side: WebSocket, { code, reason }: End): void {
  try {
    if (code === NO_CODE) side.close();
    else side.close(code, reason);
  } catch {
    // It has broken off in the meantime: there is nobody left to tell.
  }
}

import { endedBecause } from "../key/version-end.ts";
import type { Key } from "../key/key.ts";
import type { Reason } from "../key/refusal.ts";
import type { EpochMs } from "../key/time.ts";
import { CUT } from "./rpc.ts";

/** A socket that takes one of the key's slots for as long as it is open. */
const SLOT = "slot";

/** The two ends of the WebSocket of one exchange. */
export type Line = { readonly near: WebSocket; readonly far: WebSocket; readonly version: number };

/**
 * The exchanges that are open under this key, each a hibernatable WebSocket that a Worker holds: a stream that is still
 * flowing, a WebSocket, or a slot of a key that bounds how many may be open at once.
 *
 * They cost nothing while nothing happens, survive the eviction of the object, and close by themselves when the
 * exchange or its isolate ends. A reset of the object closes them too; the Worker then attaches again and asks.
 */
export class Exchanges {
  readonly #ctx: DurableObjectState;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
  }

  /** How many slots are taken. */
  get slots(): number {
    return this.#ctx.getWebSockets(SLOT).length;
  }

  /** Opens an exchange under a version. The far end of it is the answer's; what is sent on this end reaches the Worker. */
  open(version: number, takesSlot: boolean): Line {
    const [far, near] = Object.values(new WebSocketPair()) as [WebSocket, WebSocket];
    this.#ctx.acceptWebSocket(near, takesSlot ? [SLOT, tagOf(version)] : [tagOf(version)]);
    near.serializeAttachment({ version, opening: true } satisfies Attachment);
    return { near, far, version };
  }

  /** The exchange has its verdict: from now on it is cut like any other. Until then its Worker would take it for a failure. */
  handedOut({ near, version }: Line): void {
    near.serializeAttachment({ version } satisfies Attachment);
  }

  /** Whether anything is open that an end of the key would have to cut. */
  get any(): boolean {
    return this.#ctx.getWebSockets().length > 0;
  }

  /** Cuts everything that was admitted under a version that no longer holds, and says why. Answers how many were cut. */
  cut(key: Key | null, now: EpochMs): number {
    let count = 0;
    for (const socket of this.#ctx.getWebSockets()) {
      const { version, opening } = socket.deserializeAttachment() as Attachment;
      if (opening) continue;
      const because = endedUnder(key, version, now);
      if (because === null || socket.readyState !== WebSocket.OPEN) continue;
      socket.close(CUT, because);
      count += 1;
    }
    return count;
  }
}

/** Why nothing may go on under this version; `null` while it may. */
export const endedUnder = (key: Key | null, version: number, now: EpochMs): Reason | null =>
  key === null ? "unknown-key" : endedBecause(key, version, now);

type Attachment = { readonly version: number; readonly opening?: true };

const tagOf = (version: number): string => `v${version}`;

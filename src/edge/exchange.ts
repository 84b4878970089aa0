import type { Config, Env } from "../env.ts";
import { ATTACH_HEADER, ATTACH_URL, CUT, type Attach, type Decided } from "../key-object/rpc.ts";
import { inTime } from "../http/in-time.ts";
import type { Admission } from "../key/admission.ts";
import type { Verdict } from "../key/admit.ts";
import type { KeyId } from "../key/credential.ts";

/** How long an exchange may go on without its key's object while it attaches again, in milliseconds. */
const REATTACH_MS = 5_000;
/** The pause between two attempts to attach again, in milliseconds. */
const PAUSE_MS = 250;

/** What a key's object said to an admission that needs a slot. `exchange`: the slot, held until it is ended. */
export type SlotAnswer =
  | { readonly answered: true; readonly verdict: Decided<Verdict>; readonly exchange: Exchange | null }
  | { readonly answered: false };

/**
 * An exchange that outlives its admission, held at its key's object by a WebSocket: a slot of a key that bounds how many
 * may be open at once, a stream that is still flowing, a WebSocket.
 *
 * The object ends it with the close code `CUT`, when what it was admitted under no longer holds. Any other close is a
 * reset of the object or of the way to it: then the exchange attaches again and asks. If nobody has said within five
 * seconds that it still holds, it is cut: an exchange must not outlive its key because its object cannot be asked.
 */
export class Exchange {
  readonly #attach: (wanted: Attach) => Promise<Response>;
  readonly #version: number;
  readonly #slot: boolean;
  readonly #cut: Promise<void>;
  #socket: WebSocket;
  #ended = false;
  #resolveCut: () => void = () => undefined;

  private constructor(
    attach: (wanted: Attach) => Promise<Response>,
    socket: WebSocket,
    held: { readonly version: number; readonly slot: boolean },
  ) {
    this.#attach = attach;
    this.#version = held.version;
    this.#slot = held.slot;
    this.#cut = new Promise((resolve) => {
      this.#resolveCut = resolve;
    });
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Asks for an admission that takes a slot, once. A slot is taken if and only if the answer admits. */
  static async admit(env: Env, config: Config, keyId: KeyId, admission: Admission): Promise<SlotAnswer> {
    const attach = attachTo(env, keyId);
    const deadline = Date.now() + config.decisionTimeoutMs;
    const response = await before(deadline, attach({ admission }));
    if (response === null) return { answered: false };
    if (response.webSocket === null) {
      return { answered: true, verdict: (await response.json()) as Decided<Verdict>, exchange: null };
    }
    const socket = response.webSocket;
    const verdict = await before(deadline, firstMessage(socket));
    if (verdict === null || !verdict.admitted) {
      socket.close();
      return { answered: false };
    }
    const { version } = verdict.identity;
    return { answered: true, verdict, exchange: new Exchange(attach, socket, { version, slot: true }) };
  }

  /**
   * Attaches an exchange that was admitted under a version. `gone`: what it was admitted under no longer holds;
   * `silent`: nobody said so in time, which is no reason to go on either.
   */
  static async watch(env: Env, keyId: KeyId, version: number): Promise<Exchange | "gone" | "silent"> {
    const attach = attachTo(env, keyId);
    const deadline = Date.now() + REATTACH_MS;
    const socket = await attachUntil(deadline, () => attach({ version, slot: false }));
    if (typeof socket === "string") return socket;
    return new Exchange(attach, socket, { version, slot: false });
  }

  /** Fulfils when the exchange has to end because its key has. Never rejects; never fulfils once `end` was called. */
  get cut(): Promise<void> {
    return this.#cut;
  }

  /** The exchange has ended by itself: its slot is free. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    close(this.#socket);
  }

  #listen(socket: WebSocket): void {
    socket.addEventListener("close", ({ code }) => {
      if (this.#ended) return;
      if (code === CUT) this.#end();
      else void this.#attachAgain();
    });
    socket.addEventListener("error", () => {
      if (!this.#ended && this.#socket === socket) void this.#attachAgain();
    });
  }

  async #attachAgain(): Promise<void> {
    const wanted = { version: this.#version, slot: this.#slot };
    const socket = await attachUntil(Date.now() + REATTACH_MS, () => this.#attach(wanted));
    if (typeof socket === "string") return this.#end();
    if (this.#ended) return close(socket);
    this.#socket = socket;
    this.#listen(socket);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    close(this.#socket);
    this.#resolveCut();
  }
}

/** A fresh stub each time: after an exception the old one is of no use. */
const attachTo =
  (env: Env, keyId: KeyId) =>
  (wanted: Attach): Promise<Response> =>
    env.KEYS.getByName(keyId).fetch(ATTACH_URL, {
      headers: { upgrade: "websocket", [ATTACH_HEADER]: encodeURIComponent(JSON.stringify(wanted)) },
    });

/** Attaches again and again until somebody says yes or no, or time is up. */
async function attachUntil(deadline: number, attach: () => Promise<Response>): Promise<WebSocket | "gone" | "silent"> {
  while (Date.now() < deadline) {
    const response = await before(deadline, attach());
    if (response?.webSocket) {
      response.webSocket.accept();
      return response.webSocket;
    }
    if (response?.status === 410) return "gone";
    await scheduler.wait(PAUSE_MS);
  }
  return "silent";
}

/** The verdict that an object sends first over the socket of a slot. */
function firstMessage(socket: WebSocket): Promise<Decided<Verdict> | null> {
  return new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => resolve(JSON.parse(String(data)) as Decided<Verdict>), {
      once: true,
    });
    socket.addEventListener("close", () => resolve(null), { once: true });
    socket.accept();
  });
}

/** What a promise brings before a deadline; `null` if it is late or fails. */
async function before<Value>(deadline: number, promise: Promise<Value>): Promise<Value | null> {
  const asked = await inTime(promise, Math.max(0, deadline - Date.now()), () => undefined);
  return asked.answered ? asked.answer : null;
}

function close(socket: WebSocket): void {
  try {
    socket.close(1000, "the exchange has ended");
  } catch {
    // It was closed from the other end already.
  }
}

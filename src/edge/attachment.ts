import type { Config, Env } from "../env.ts";
import { inTime, type Asked } from "../http/in-time.ts";
import { ATTACH_HEADER, ATTACH_URL, CUT, type Attach, type Decided } from "../key-object/rpc.ts";
import type { Admission } from "../key/admission.ts";
import type { Verdict } from "../key/admit.ts";
import type { KeyId } from "../key/credential.ts";

/** The key whose object is asked, and how long an answer may take. */
export type Keyholder = { readonly env: Env; readonly config: Config; readonly keyId: KeyId };

/** How long the object may take to let go of an exchange that is over, in milliseconds. */
const RELEASE_PATIENCE_MS = 1_000;

/** The waits between attempts to attach again, in milliseconds. After the last one the exchange is cut. */
const REATTACH_AFTER_MS = [0, 50, 100, 200, 400, 800, 1_600, 3_200];

/**
 * The line between an exchange that outlives its admission and its key's object: a WebSocket that the object can close
 * from its end when the key ends, and that frees the exchange's slot, if it has one, however it ends.
 *
 * A reset of the object closes the line too. That is not the end of the key, but a reason to attach again and to ask.
 * If nobody can be asked for too long the exchange is cut: whoever cannot be asked has not said yes.
 */
export class Attachment {
  readonly #holder: Keyholder;
  readonly #version: number;
  readonly #slot: boolean;
  readonly #cut = new AbortController();
  #line: WebSocket | null = null;
  #over = false;
  #letGo: () => void = () => {};

  private constructor(holder: Keyholder, { version, slot }: Extract<Attach, { version: number }>, line: WebSocket) {
    this.#holder = holder;
    this.#version = version;
    this.#slot = slot;
    this.#hold(line);
  }

  /**
   * Admits a request and takes a slot for it in one step. Like every admission never repeated by hand. An attachment is
   * there if, and only if, the request was admitted.
   */
  static async admit(
    holder: Keyholder,
    admission: Admission,
  ): Promise<Asked<{ readonly verdict: Decided<Verdict>; readonly attachment: Attachment | null }>> {
    let givenUp = false;
    const asking = (async () => {
      const answer = await knock(holder, { admission });
      const line = answer.webSocket;
      if (line === null) return { verdict: await answer.json<Decided<Verdict>>(), attachment: null };
      const verdict = JSON.parse(await firstMessage(line)) as Decided<Verdict>;
      // Too late for an answer that is already 503: the slot must not wait for a request that is gone.
      if (givenUp) line.close();
      const version = verdict.identity!.version;
      return { verdict, attachment: new Attachment(holder, { version, slot: true }, line) };
    })();
    const asked = await inTime(asking, holder.config.decisionTimeoutMs, complain(holder));
    givenUp = !asked.answered;
    return asked;
  }

  /**
   * Watches over an exchange that was admitted under a version of the key's secret. The answer is `null` if that version
   * no longer holds: the exchange must end.
   */
  static async watch(holder: Keyholder, version: number): Promise<Asked<Attachment | null>> {
    const attach = { version, slot: false };
    const asked = await reach(holder, attach);
    if (!asked.answered) return asked;
    return { answered: true, answer: asked.answer && new Attachment(holder, attach, asked.answer) };
  }

  /** Aborted when the exchange must end: its key has ended, or nobody can be asked whether it has. */
  get cut(): AbortSignal {
    return this.#cut.signal;
  }

  /** The exchange is over. Waits, but not for long, until the object has let go of it: its slot is free then. */
  async release(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    const line = this.#line;
    if (line === null) return;
    const patience = new AbortController();
    const gone = new Promise<void>((resolve) => {
      this.#letGo = resolve;
    });
    line.close(1000);
    await Promise.race([gone, scheduler.wait(RELEASE_PATIENCE_MS, { signal: patience.signal }).catch(() => {})]);
    patience.abort();
  }

  #hold(line: WebSocket): void {
    this.#line = line;
    line.addEventListener("close", ({ code }) => this.#closed(code));
    line.addEventListener("error", () => this.#closed(ABNORMAL));
  }

  #closed(code: number): void {
    this.#line = null;
    this.#letGo();
    if (this.#over || this.#cut.signal.aborted) return;
    if (code === CUT) this.#cut.abort(new Error("the key has ended"));
    else void this.#attachAgain();
  }

  async #attachAgain(): Promise<void> {
    for (const wait of REATTACH_AFTER_MS) {
      await scheduler.wait(wait);
      const asked = await reach(this.#holder, { version: this.#version, slot: this.#slot });
      if (!asked.answered) continue;
      const line = asked.answer;
      if (line === null) return this.#cut.abort(new Error("the key has ended"));
      if (this.#over) return line.close(1000);
      return this.#hold(line);
    }
    this.#cut.abort(new Error("the key's object could not be asked whether the key still holds"));
  }
}

/** Not a code that is sent: what a WebSocket reports that ended without a word (RFC 6455 section 7.4.1). */
const ABNORMAL = 1006;

/** Attaches to a version; `null` if it no longer holds. */
async function reach(
  holder: Keyholder,
  attach: Extract<Attach, { version: number }>,
): Promise<Asked<WebSocket | null>> {
  let givenUp = false;
  const asking = (async () => {
    const { status, webSocket } = await knock(holder, attach);
    if (webSocket === null) {
      if (status === 410) return null;
      throw new Error(`an attachment was answered with ${status}`);
    }
    webSocket.accept();
    if (givenUp) webSocket.close();
    return webSocket;
  })();
  const asked = await inTime(asking, holder.config.decisionTimeoutMs, complain(holder));
  givenUp = !asked.answered;
  return asked;
}

const knock = ({ env, keyId }: Keyholder, attach: Attach): Promise<Response> =>
  env.KEYS.getByName(keyId).fetch(ATTACH_URL, {
    headers: { upgrade: "websocket", [ATTACH_HEADER]: encodeURIComponent(JSON.stringify(attach)) },
  });

/** The first message of a line that is then listened to. */
const firstMessage = (line: WebSocket): Promise<string> =>
  new Promise((resolve, reject) => {
    line.addEventListener("message", ({ data }) => resolve(String(data)), { once: true });
    line.addEventListener("close", () => reject(new Error("the key's object closed the line before its verdict")), {
      once: true,
    });
    line.accept();
  });

const complain =
  ({ keyId }: Keyholder) =>
  (cause: unknown): void => {
    console.error({ message: "a key's object could not be attached to", keyId, cause: String(cause) });
  };

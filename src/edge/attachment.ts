import type { Config, Env } from "../env.ts";
import { inTime, type Asked } from "../http/in-time.ts";
import { ATTACH_HEADER, ATTACH_URL, CUT, type Attach, type Decided } from "../key-object/rpc.ts";
import type { Admission } from "../key/admission.ts";
import type { Verdict } from "../key/admit.ts";
import type { KeyId } from "../key/credential.ts";
import { Cut, type CutReason } from "./cut.ts";

/** The key whose object is asked, and how long an answer may take. */
export type Keyholder = { readonly env: Env; readonly config: Config; readonly keyId: KeyId };

/** How long the object may take to let go of an exchange that is over, in milliseconds. */
const RELEASE_PATIENCE_MS = 1_000;

/** How long an exchange may go on without anybody to ask whether its key still holds, in milliseconds. */
const UNASKED_MS = 5_000;

/** The first wait between attempts to attach, in milliseconds; each is twice the last. */
const FIRST_WAIT_MS = 50;

type Watch = Extract<Attach, { version: number }>;

/**
 * The line between an exchange that outlives its admission and its key's object: a WebSocket that the object can close
 * from its end when the key ends, and that frees the exchange's slot, if it has one, however it ends.
 *
 * A reset of the object closes the line too. That is not the end of the key, but a reason to attach again and to ask.
 * If nobody can be asked for too long the exchange is cut: whoever cannot be asked has not said yes.
 */
export class Attachment {
  readonly #holder: Keyholder;
  readonly #watch: Watch;
  readonly #ending: AbortController;
  #line: WebSocket | null = null;
  #over = false;
  #letGo: () => void = () => {};

  private constructor(holder: Keyholder, watch: Watch, ending: AbortController) {
    this.#holder = holder;
    this.#watch = watch;
    this.#ending = ending;
  }

  /**
   * Admits a request and takes a slot for it in one step. Like every admission never repeated by hand. An attachment is
   * there if, and only if, the request was admitted.
   *
   * @param ending aborted with a `Cut` when the exchange must end.
   */
  static async admit(
    holder: Keyholder,
    admission: Admission,
    ending: AbortController,
  ): Promise<Asked<{ readonly verdict: Decided<Verdict>; readonly attachment: Attachment | null }>> {
    let givenUp = false;
    const asking = (async () => {
      const answer = await knock(holder, { admission });
      const line = answer.webSocket;
      if (line === null) return { verdict: await answer.json<Decided<Verdict>>(), attachment: null };
      const verdict = JSON.parse(await firstMessage(line)) as Decided<Verdict>;
      // Too late for an answer that is already 503: the slot must not wait for a request that is gone.
      if (givenUp) line.close();
      const attachment = new Attachment(holder, { version: verdict.identity!.version, slot: true }, ending);
      attachment.#hold(line);
      return { verdict, attachment };
    })();
    const asked = await inTime(asking, holder.config.decisionTimeoutMs, complain(holder));
    givenUp = !asked.answered;
    return asked;
  }

  /**
   * Watches over an exchange that was admitted under a version of the key's secret. `held` tells, once it is known,
   * whether that version still holds; if it does not, the exchange is cut.
   *
   * @param ending aborted with a `Cut` when the exchange must end.
   */
  static watch(
    holder: Keyholder,
    version: number,
    ending: AbortController,
  ): { readonly attachment: Attachment; readonly held: Promise<boolean> } {
    const attachment = new Attachment(holder, { version, slot: false }, ending);
    return { attachment, held: attachment.#attach() };
  }

  /** Whether it is one of the places of a key that bounds how many exchanges may be open. */
  get isSlot(): boolean {
    return this.#watch.slot;
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
    line.addEventListener("close", ({ code, reason }) => this.#closed(line, code, reason as CutReason));
    line.addEventListener("error", () => this.#closed(line, ABNORMAL));
  }

  #closed(line: WebSocket, code: number, because: CutReason = "unasked"): void {
    if (this.#line !== line) return;
    this.#line = null;
    this.#letGo();
    if (this.#over) return;
    if (code === CUT) this.#cut(because);
    else void this.#attach();
  }

  /** Attaches, however often it takes, and answers whether the version still holds. */
  async #attach(): Promise<boolean> {
    const until = Date.now() + UNASKED_MS;
    let wait = 0;
    for (let left = UNASKED_MS; left > 0; left = until - Date.now()) {
      if (wait > 0) await scheduler.wait(Math.min(wait, left));
      wait = wait === 0 ? FIRST_WAIT_MS : 2 * wait;
      if (this.#over) return false;
      const asked = await reach(this.#holder, this.#watch, left);
      if (!asked.answered) continue;
      const line = asked.answer;
      if (typeof line === "string") return this.#cut(line);
      if (this.#over) line.close(1000);
      else this.#hold(line);
      return true;
    }
    return this.#cut("unasked");
  }

  #cut(because: CutReason): false {
    if (this.#over) return false;
    this.#over = true;
    const cut = new Cut(because);
    // What the object has cut is in the key's history, with its number: a thousand lines would say it no better.
    if (because === "unasked") console.warn({ message: cut.message, keyId: this.#holder.keyId });
    this.#ending.abort(cut);
    return false;
  }
}

/** Not a code that is sent: what a WebSocket reports that ended without a word (RFC 6455 section 7.4.1). */
const ABNORMAL = 1006;

/** Attaches to a version, or says why it no longer holds. */
async function reach(holder: Keyholder, watch: Watch, withinMs: number): Promise<Asked<WebSocket | CutReason>> {
  let givenUp = false;
  const asking = (async () => {
    const answer = await knock(holder, watch);
    const line = answer.webSocket;
    if (line === null) {
      if (answer.status === 410) return (await answer.text()) as CutReason;
      throw new Error(`an attachment was answered with ${answer.status}`);
    }
    line.accept();
    if (givenUp) line.close();
    return line;
  })();
  const asked = await inTime(asking, Math.min(withinMs, holder.config.decisionTimeoutMs), complain(holder));
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

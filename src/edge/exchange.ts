import { askKey } from "../http/ask-key.ts";
import { decide } from "../http/decide.ts";
import { tellDecision } from "../http/decision-log.ts";
import type { Asked } from "../http/in-time.ts";
import type { Refused } from "../http/refusal-response.ts";
import type { Decided } from "../key-object/rpc.ts";
import type { Admission } from "../key/admission.ts";
import type { Verdict } from "../key/admit.ts";
import { Attachment, type Keyholder } from "./attachment.ts";

/** How long a body may flow before the key's object hears of it, in milliseconds. Most are over by then. */
const BRIEF_MS = 250;

/** What the key's object said to a request, and the line to it that the exchange has to hold until it is over. */
export type Entry = { readonly verdict: Decided<Verdict>; readonly attachment: Attachment | null };

/**
 * Asks the key's object to let a request in. One question for an ordinary key. A key that bounds how many exchanges may
 * be open at once says so, having spent nothing, and is asked again over the very line that is the exchange's slot.
 *
 * @param ending aborted with a `Cut` when the exchange must end.
 */
export async function enter(holder: Keyholder, admission: Admission, ending: AbortController): Promise<Asked<Entry>> {
  const { env, config, keyId } = holder;
  const asked = await decide(env, config, keyId, admission);
  if (!asked.answered) return asked;
  const verdict = asked.answer;
  if (verdict.admitted || verdict.refusal.reason !== "slot-required") {
    return { answered: true, answer: { verdict, attachment: null } };
  }
  const began = Date.now();
  const entered = await Attachment.admit(holder, admission, ending);
  if (entered.answered) tellDecision({ env, config, keyId, admission, began }, entered.answer.verdict);
  return entered;
}

/**
 * Why an exchange was cut, in the words of a refusal: its key's object is asked once more, without spending anything.
 * `null` if there is no telling.
 */
export async function whyCut(holder: Keyholder, admission: Admission): Promise<Decided<Refused> | null> {
  const { env, config, keyId } = holder;
  const question: Admission = { ...admission, reserve: false, viaGateway: false, dryRun: true };
  const asked = await askKey(env, config, keyId, (key) => key.admit(question));
  return asked.answered && !asked.answer.admitted ? asked.answer : null;
}

/**
 * What was admitted under a version of a key, from its admission to the end of its answer. Whoever is done soon costs
 * the key's object no second question; whoever goes on is attached to it, and ends with the key.
 */
export class Exchange {
  /** Aborted with a `Cut` when the exchange must end, and by nothing else once its answer has begun. */
  readonly ending: AbortController;
  readonly #holder: Keyholder;
  readonly #version: number;
  #attachment: Attachment | null;
  #attaching: Promise<boolean> | null = null;

  constructor(holder: Keyholder, version: number, ending: AbortController, attachment: Attachment | null) {
    this.#holder = holder;
    this.#version = version;
    this.ending = ending;
    this.#attachment = attachment;
  }

  /** Whether it takes one of the places of a key that bounds how many exchanges may be open. */
  get hasSlot(): boolean {
    return this.#attachment?.isSlot ?? false;
  }

  /** Attaches it, and answers whether it may go on; else it has been cut. */
  attach(): Promise<boolean> {
    // With a slot it was attached before it was admitted.
    if (this.#attachment?.isSlot) return Promise.resolve(!this.ending.signal.aborted);
    if (this.#attaching === null) {
      const { attachment, held } = Attachment.watch(this.#holder, this.#version, this.ending);
      this.#attachment = attachment;
      this.#attaching = held;
    }
    return this.#attaching;
  }

  /** Attaches it if a body is still flowing in a while. */
  attachUnlessBrief(flowing: Promise<unknown>): void {
    if (this.#attachment !== null) return;
    const timer = setTimeout(() => void this.attach(), BRIEF_MS);
    const stop = () => clearTimeout(timer);
    flowing.then(stop, stop);
  }

  /** It is over. A slot is free again when this is fulfilled. */
  async over(): Promise<void> {
    await this.#attachment?.release();
  }
}

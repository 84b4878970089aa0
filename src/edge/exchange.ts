import { askKey } from "../http/ask-key.ts";
import type { Asked } from "../http/in-time.ts";
import type { Refused } from "../http/refusal-response.ts";
import type { Decided } from "../key-object/rpc.ts";
import type { Admission } from "../key/admission.ts";
import type { Verdict } from "../key/admit.ts";
import { Attachment, type Keyholder } from "./attachment.ts";

/** What the key's object said to a request, and the line to it that the exchange has to hold until it is over. */
export type Entry = { readonly verdict: Decided<Verdict>; readonly attachment: Attachment | null };

/**
 * Asks the key's object to let a request in. One question for an ordinary key. A key that bounds how many exchanges may
 * be open at once says so, having spent nothing, and is asked again over the very line that is the exchange's slot.
 */
export async function enter(holder: Keyholder, admission: Admission): Promise<Asked<Entry>> {
  const { env, config, keyId } = holder;
  const asked = await askKey(env, config, keyId, (key) => key.admit(admission));
  if (!asked.answered) return asked;
  const verdict = asked.answer;
  if (verdict.admitted || verdict.refusal.reason !== "slot-required") {
    return { answered: true, answer: { verdict, attachment: null } };
  }
  return Attachment.admit(holder, admission);
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
 * An answer that holds its exchange's attachment until it has been sent, given up or broken off, and that breaks off when
 * the exchange is cut. The attachment is released before the client can see the end of the answer: whoever asks one
 * thing after the other never waits for a slot of their own.
 */
export async function holdUntilSent(answer: Response, attachment: Attachment): Promise<Response> {
  const { body } = answer;
  if (body === null) {
    await attachment.release();
    return answer;
  }
  const response = new Response(null, answer);
  const length = lengthOf(answer.headers);
  // The runtime takes an encoding off while the body passes through here, and puts it on again behind.
  if (length === null) response.headers.delete("content-length");

  const held = holding(body.getReader(), length, attachment);
  return new Response(length === null ? held : held.pipeThrough(new FixedLengthStream(length)), response);
}

/**
 * The same bytes, with the attachment released before the last of them. Read by hand, because a pipe that waits for the
 * next chunk of a silent stream does not hear that it is to stop.
 */
function holding(
  source: ReadableStreamDefaultReader<Uint8Array>,
  length: number | null,
  attachment: Attachment,
): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const breakOff = () => {
        const { reason } = attachment.cut;
        controller.error(reason);
        source.cancel(reason).catch(() => {});
      };
      if (attachment.cut.aborted) breakOff();
      attachment.cut.addEventListener("abort", breakOff);
    },
    async pull(controller) {
      try {
        const { done, value } = await source.read();
        if (attachment.cut.aborted) return;
        sent += value?.byteLength ?? 0;
        if (done || sent === length) await attachment.release();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (cause) {
        void attachment.release();
        controller.error(cause);
      }
    },
    async cancel(reason) {
      void attachment.release();
      await source.cancel(reason);
    },
  });
}

/** How many bytes will pass; `null` if that is not known. */
function lengthOf(headers: Headers): number | null {
  const length = headers.get("content-length");
  return length === null || headers.has("content-encoding") ? null : Number(length);
}

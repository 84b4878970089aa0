const HEAD_END = "\r\n\r\n";
const LAST_CHUNK = "0\r\n\r\n";

/**
 * Where the first HTTP/1.1 answer in `text` ends, or -1 while that cannot be told. One character per byte. The end of a
 * body of known length is told as soon as its head is there, be it behind the end of `text`.
 *
 * Reads as little as a load generator can afford: the length of the head, and `Content-Length` or the last chunk.
 * Whether it is the right answer is for the caller to judge.
 */
export function endOfAnswer(text: string): number {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd === -1) return -1;
  const bodyAt = headEnd + HEAD_END.length;
  const length = /\r\ncontent-length: *([0-9]+)/i.exec(text.slice(0, headEnd))?.[1];
  if (length !== undefined) return bodyAt + Number(length);
  if (text.startsWith(LAST_CHUNK, bodyAt)) return bodyAt + LAST_CHUNK.length;
  const last = text.indexOf(`\r\n${LAST_CHUNK}`, bodyAt);
  return last === -1 ? -1 : last + 2 + LAST_CHUNK.length;
}

/** What a right answer looks like. `marker` is a piece of text that only the right answer contains. */
export type Expected = { readonly status: number; readonly marker: string };

export const isExpected = (answer: string, { status, marker }: Expected): boolean =>
  answer.startsWith(`HTTP/1.1 ${status} `) && answer.includes(marker);

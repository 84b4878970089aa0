/** How long an answer may take to be whole for it to be handed over in one piece, in milliseconds. */
const AT_ONCE_MS = 10;

/** The longest answer that is handed over in one piece, in bytes. */
const SHORT_BYTES = 64 * 1024;

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** The beginning of a body that goes on. What comes next is being read already. */
export type Head = {
  readonly chunks: readonly Uint8Array[];
  readonly reader: Reader;
  readonly next: ReturnType<Reader["read"]>;
};

/** Whether a body may be short enough for `takeAtOnce`. */
export const mayBeShort = (length: number | null): boolean => length === null || length <= SHORT_BYTES;

/**
 * The whole of a body if it comes at once, which nearly every answer does: one that is in memory needs no stream around
 * it, and nobody who watches it. Otherwise its beginning.
 *
 * One promise and no race, because every answer pays for it.
 *
 * @param length how many bytes the body has; `null` if that is not known.
 */
export function takeAtOnce(body: ReadableStream<Uint8Array>, length: number | null): Promise<Uint8Array | Head> {
  return new Promise((resolve) => {
    const reader = body.getReader();
    const chunks: Uint8Array[] = [];
    let size = 0;
    let next: Head["next"];
    let isLate = false;
    const goOn = () => {
      isLate = true;
      clearTimeout(timer);
      resolve({ chunks, reader, next });
    };
    const timer = setTimeout(goOn, AT_ONCE_MS);
    const take = ({ done, value }: Awaited<Head["next"]>) => {
      if (isLate) return;
      if (!done) {
        chunks.push(value);
        size += value.byteLength;
      }
      if (done || size === length) {
        clearTimeout(timer);
        resolve(inOnePiece(chunks));
      } else readOn();
    };
    const readOn = () => {
      next = reader.read();
      if (size > SHORT_BYTES) goOn();
      // One that breaks off here has to break off at the client too, which is up to whoever passes on the rest.
      else next.then(take, goOn);
    };
    readOn();
  });
}

function inOnePiece(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const whole = new Uint8Array(chunks.reduce((size, { byteLength }) => size + byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

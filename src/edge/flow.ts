import type { Exchange } from "./exchange.ts";
import type { Head } from "./head.ts";

type Bytes = ReadableStream<Uint8Array>;

/**
 * The same body, byte for byte, for as long as its exchange may go on. One that breaks off, or is cut, never looks whole
 * to the client.
 *
 * It has to pass through a stream of this Worker's own: once the origin's own stream is handed to the runtime nobody is
 * left here who could cut it. The runtime pumps it all the same, without a line of this code for each chunk. Only an
 * exchange with a slot is read by hand to its end, because its slot must be free before the last byte has left.
 *
 * @param head what of it was read already.
 * @param length how many bytes it has; `null` if that is not known.
 */
export function flow(body: Bytes, head: Head | null, length: number | null, exchange: Exchange): Bytes {
  const through = length === null ? new IdentityTransformStream() : new FixedLengthStream(length);
  const flowing = pass(body, head, length, through.writable, exchange);
  exchange.attachUnlessBrief(flowing);
  // What went wrong is told to whoever reads the other end.
  void flowing.catch(() => {}).then(() => exchange.over());
  return through.readable;
}

async function pass(body: Bytes, head: Head | null, length: number | null, to: WritableStream, exchange: Exchange) {
  const { signal } = exchange.ending;
  if (head !== null || exchange.hasSlot) {
    const isOver = await passByHand(body, head, length, to, exchange);
    if (isOver) return;
  }
  await body.pipeTo(to, { signal });
}

/** Passes on what was read already, and with a slot all the rest. Answers whether that was the end of it. */
async function passByHand(
  body: Bytes,
  head: Head | null,
  length: number | null,
  to: WritableStream<Uint8Array>,
  exchange: Exchange,
): Promise<boolean> {
  const { chunks, reader, next: first } = head ?? startOf(body);
  const writer = to.getWriter();
  const breakOff = (cause: unknown) => {
    // Each may have ended by itself.
    writer.abort(cause).catch(() => {});
    reader.cancel(cause).catch(() => {});
  };
  const { signal } = exchange.ending;
  const onCut = () => breakOff(signal.reason);
  signal.addEventListener("abort", onCut);
  let sent = 0;
  const give = async (chunk: Uint8Array) => {
    sent += chunk.byteLength;
    if (sent === length) await exchange.over();
    await writer.write(chunk);
  };
  try {
    for (const chunk of chunks) await give(chunk);
    for (let next = first; ; next = reader.read()) {
      const { done, value } = await next;
      if (done) {
        await exchange.over();
        await writer.close();
        return true;
      }
      await give(value);
      if (!exchange.hasSlot) break;
    }
  } catch (cause) {
    breakOff(cause);
    throw cause;
  } finally {
    signal.removeEventListener("abort", onCut);
  }
  writer.releaseLock();
  reader.releaseLock();
  return false;
}

function startOf(body: Bytes): Head {
  const reader = body.getReader();
  return { chunks: [], reader, next: reader.read() };
}

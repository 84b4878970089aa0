import { BOUNDS } from "../key/policy.ts";
import type { Fault } from "./faults.ts";

export type BodyReading =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly tooLarge: true }
  | { readonly ok: false; readonly tooLarge: false; readonly fault: Fault };

/** Reads a JSON body within its bound. An absent one is `{}`. */
export async function readBody(request: Request): Promise<BodyReading> {
  const bytes = await readBytes(request);
  if (bytes === null) return { ok: false, tooLarge: true };
  if (bytes.byteLength === 0) return { ok: true, value: {} };

  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\s*(?:;|$)/i.test(type)) return fault("must be sent as Content-Type: application/json");
  try {
    return { ok: true, value: JSON.parse(utf8.decode(bytes)) };
  } catch {
    return fault("is not JSON");
  }
}

const fault = (message: string): BodyReading => ({ ok: false, tooLarge: false, fault: { path: "", message } });

/** The bytes of the body, or `null` if there are too many. */
async function readBytes(request: Request): Promise<Uint8Array | null> {
  if (!isFramed(request.headers)) return readPieces(request);
  const bytes = new Uint8Array(await request.arrayBuffer());
  return bytes.byteLength <= BOUNDS.bodyBytes ? bytes : null;
}

/**
 * Whether the body has a frame within the bound: the runtime hands over not a byte beyond its Content-Length (RFC 9112
 * section 6.2), so it can be read in one go, which costs half of what reading a stream does.
 */
function isFramed(headers: Headers): boolean {
  const length = headers.get("content-length");
  return length !== null && Number(length) <= BOUNDS.bodyBytes && !headers.has("transfer-encoding");
}

/** The bytes of a body of unknown length, or `null` as soon as there are too many. */
async function readPieces(request: Request): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (request.body !== null) {
    for await (const chunk of request.body) {
      chunks.push(chunk);
      length += chunk.byteLength;
      if (length > BOUNDS.bodyBytes) return null;
    }
  }
  return chunks.length === 1 ? chunks[0]! : joined(chunks, length);
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** JSON is UTF-8 (RFC 8259 section 8.1); bytes that are not are no JSON, rather than JSON with holes. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

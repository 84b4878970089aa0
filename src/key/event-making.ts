import { toBase64url } from "./base64url.ts";
import type { By, EventType, KeyEvent } from "./event.ts";
import type { JsonValue } from "./policy.ts";
import { sha256 } from "./sha256.ts";
import type { EpochMs } from "./time.ts";

/** The most bytes of JSON that an event keeps of one value, and of what it was before. */
export const VALUE_BYTES = 2_048;

/** The most characters of each thing that an event says of who asked, and of each that a sample of refusals keeps. */
export const WORD_LENGTH = 256;

/**
 * Makes an event: the one way to, so that none is ever too large to be told. A value, or what it was before or is after,
 * that takes more than `VALUE_BYTES` is kept as `{ sha256, bytes }` of its JSON: whoever has the text can tell whether it
 * was that one.
 */
export const makeEvent = (
  sequence: number,
  type: EventType,
  { now, by }: { readonly now: EpochMs; readonly by: By },
  detail: KeyEvent["detail"],
): KeyEvent => ({
  sequence,
  type,
  at: now,
  by: {
    actor: cut(by.actor),
    requestId: cut(by.requestId),
    ip: cut(by.ip),
    userAgent: cut(by.userAgent),
    country: cut(by.country),
  },
  detail: mapped(detail, (value) => (isChange(value) ? mapped(value, bounded) : bounded(value))),
});

/** The beginning of a text, never half a character. */
export function cut<Text extends string | null>(text: Text): Text {
  return (text === null || text.length <= WORD_LENGTH ? text : text.slice(0, WORD_LENGTH).toWellFormed()) as Text;
}

type Values = { readonly [name: string]: JsonValue };

const mapped = (values: Values, each: (value: JsonValue) => JsonValue): Values =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, each(value)]));

const isChange = (value: JsonValue): value is Values =>
  typeof value === "object" && value !== null && "before" in value && "after" in value;

const encoder = new TextEncoder();

function bounded(value: JsonValue): JsonValue {
  // What is short is not measured: nearly everything.
  if (value === null || typeof value === "number" || typeof value === "boolean") return value;
  const text = encoder.encode(JSON.stringify(value));
  return text.length <= VALUE_BYTES ? value : { sha256: toBase64url(sha256(text)), bytes: text.length };
}

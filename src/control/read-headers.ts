import type { Fault } from "./faults.ts";
import { HARD_TO_GUESS, isHardToGuess } from "./hard-to-guess.ts";

/** A header as it was read: `null` when it is absent. */
export type HeaderReading<Value> =
  { readonly ok: true; readonly value: Value | null } | { readonly ok: false; readonly fault: Fault };

const absent = { ok: true, value: null } as const;

/**
 * The `Idempotency-Key`, byte for byte as it came, quotes included: nothing about it is interpreted, but it must be one
 * that nobody guesses. Every operation that heeds it hands out a secret, and whoever has it can have that secret again.
 */
export function readIdempotencyKey(headers: Headers): HeaderReading<string> {
  const value = headers.get("idempotency-key");
  if (value === null) return absent;
  if (isHardToGuess(value)) return { ok: true, value };
  return { ok: false, fault: { path: "Idempotency-Key", message: `must be ${HARD_TO_GUESS}` } };
}

/** What no revision ever is: they begin at 1. */
const NO_REVISION = 0;

/**
 * The revision that `If-Match` names (RFC 9110 section 13.1.1). `*` names any.
 *
 * An entity tag that no record of ours ever had, a weak one too, is well-formed and matches nothing.
 */
export function readIfMatch(headers: Headers): HeaderReading<number> {
  const value = headers.get("if-match");
  if (value === null || value === "*") return absent;
  const revision = /^"([1-9][0-9]{0,14})"$/.exec(value)?.[1];
  if (revision !== undefined) return { ok: true, value: Number(revision) };
  if (/^(?:W\/)?"[\x21\x23-\x7e]*"$/.test(value)) return { ok: true, value: NO_REVISION };
  return { ok: false, fault: { path: "If-Match", message: 'must be one entity tag, like "17", or *' } };
}

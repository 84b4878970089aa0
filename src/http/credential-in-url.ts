import { parseCredential } from "../key/credential.ts";

/** Shorter runs of word characters cannot be a credential: one of prefix, `_` and the body. */
const WORD = /\w{69,}/g;

/**
 * Whether a URL, or a part of one, carries a credential of ours, plainly or percent-encoded (even twice).
 *
 * Only whole words are looked at, so that a long random value of somebody else is not taken for ours by accident.
 */
export function carriesCredential(urlPart: string): boolean {
  if (urlPart.length < 69) return false;
  let text = urlPart;
  for (let decoded = 0; decoded <= 2; decoded++) {
    if (text.match(WORD)?.some((word) => parseCredential(word) !== null)) return true;
    if (!text.includes("%")) return false;
    text = unescapeAscii(text);
  }
  return false;
}

/** Escapes of ASCII characters only: no others occur in a credential, and those never fail to decode. */
const unescapeAscii = (text: string): string =>
  text.replace(/%([0-7][0-9A-Fa-f])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

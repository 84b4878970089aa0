import type { Config } from "../env.ts";
import { parseCredential } from "../key/credential.ts";
import { holdsOwnToken } from "./own-tokens.ts";

/** Shorter texts hold neither a token of the deployment nor a credential. */
const LEAST = 43;

/** Shorter runs of word characters cannot be a credential: one of prefix, `_` and the body. */
const WORD = /\w{69,}/g;

/**
 * Whether a URL, or a part of one, carries a credential of ours, or one of the deployment's own tokens, plainly or
 * percent-encoded (even twice).
 *
 * Only whole words are looked at, so that a long random value of somebody else is not taken for ours by accident.
 */
export function carriesCredential(urlPart: string, config: Pick<Config, "ownTokens">): boolean {
  if (urlPart.length < LEAST) return false;
  let text = urlPart;
  for (let decoded = 0; decoded <= 2; decoded++) {
    if (text.match(WORD)?.some((word) => parseCredential(word) !== null)) return true;
    if (holdsOwnToken(text, config)) return true;
    if (!text.includes("%")) return false;
    text = unescapeAscii(text);
  }
  return false;
}

/** Escapes of ASCII characters only: no others occur in a credential, and those never fail to decode. */
const unescapeAscii = (text: string): string =>
  text.replace(/%([0-7][0-9A-Fa-f])/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

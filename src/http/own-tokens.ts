import type { Config } from "../env.ts";
import { isOneOf } from "./is-one-of.ts";

/** Tokens have at least so many characters (`env.ts`). */
const WORD = /[A-Za-z0-9_-]{43,}/g;

/**
 * Whether a text holds one of the deployment's own tokens as a word: an admin's, an operator's, the proxy's. Whoever has
 * one of them has everything, so it must not travel on, wherever a client put it by mistake.
 *
 * Only words of a token's own length are looked at, and compared by digest: most texts cost a search for long words.
 */
export function holdsOwnToken(text: string, { ownTokens }: Pick<Config, "ownTokens">): boolean {
  if (text.length < 43) return false;
  const words = text.match(WORD);
  return (
    words !== null &&
    words.some((word) => ownTokens.some(({ length }) => length === word.length) && isOneOf(ownTokens, word))
  );
}

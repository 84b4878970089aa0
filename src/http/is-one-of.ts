import { digestOf, sameDigest, type Digest } from "../key/digest.ts";

/** Whether a text is one of the tokens of the settings. */
export const isOneOf = (tokens: readonly string[], presented: string): boolean => whichOf(tokens, presented) !== null;

/**
 * Which of the tokens of the settings a text is; `null`: none.
 *
 * Digests are compared instead of the texts, so that neither the length nor a matching beginning shows in the time it
 * takes, and every token is compared, so that it does not show which one matched.
 */
export function whichOf(tokens: readonly string[], presented: string): string | null {
  const digest = digestOf(presented);
  return tokens.filter((token) => sameDigest(digestOfSetting(token), digest))[0] ?? null;
}

/** By token: those of the settings only, never what a caller presents. */
const digests = new Map<string, Digest>();

function digestOfSetting(token: string): Digest {
  let known = digests.get(token);
  if (known === undefined) digests.set(token, (known = digestOf(token)));
  return known;
}

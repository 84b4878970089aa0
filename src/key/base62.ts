const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Fills an array with random bytes and returns it, like `crypto.getRandomValues`. An argument, so that tests can repeat. */
export type Random = (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;

/** Whether the text consists of base62 digits only. */
export const isBase62 = (text: string): boolean => /^[0-9A-Za-z]+$/.test(text);

/**
 * `length` independent, uniformly random base62 digits (5.95 bits each).
 *
 * Bytes from 248 up are thrown away: 256 is no multiple of 62, and taking them modulo 62 would favour some digits.
 */
export function randomBase62(length: number, random: Random): string {
  let text = "";
  while (text.length < length) {
    for (const byte of random(new Uint8Array(length + 8))) {
      if (byte < 248 && text.length < length) text += DIGITS[byte % 62];
    }
  }
  return text;
}

/**
 * The last `width` base62 digits of a number, with zeros on the left where it has fewer.
 *
 * Long division by hand, because every request pays for it and a BigInt is an allocation for each digit.
 *
 * @param words the number as unsigned 32-bit integers, the most significant first.
 */
export function toBase62(words: readonly number[], width: number): string {
  const rest = words.slice();
  let text = "";
  while (text.length < width) {
    let remainder = 0;
    for (let at = 0; at < rest.length; at++) {
      const dividend = remainder * 2 ** 32 + rest[at]!;
      rest[at] = Math.floor(dividend / 62);
      remainder = dividend % 62;
    }
    text = DIGITS[remainder] + text;
  }
  return text;
}

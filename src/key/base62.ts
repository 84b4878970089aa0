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
 * Long division by hand, because every request pays for it and a BigInt is an allocation for each digit. 16 bits at a
 * time, so that no step leaves whole numbers of 32 bits: a remainder of larger ones takes longer, and a time that depends
 * on the number, which may be a secret's tag.
 *
 * @param words the number as unsigned 32-bit integers, the most significant first.
 */
export function toBase62(words: readonly number[], width: number): string {
  const rest = new Uint16Array(2 * words.length);
  for (let at = 0; at < words.length; at++) {
    rest[2 * at] = words[at]! >>> 16;
    rest[2 * at + 1] = words[at]! & 0xffff;
  }
  let text = "";
  while (text.length < width) {
    let remainder = 0;
    for (let at = 0; at < rest.length; at++) {
      const dividend = (remainder << 16) | rest[at]!;
      const quotient = (dividend / 62) | 0;
      rest[at] = quotient;
      remainder = dividend - 62 * quotient;
    }
    text = DIGITS[remainder] + text;
  }
  return text;
}

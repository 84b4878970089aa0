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

/** The number in base62, padded with zeros on the left to `width` digits. The number must fit. */
export function toBase62(value: bigint, width: number): string {
  let text = "";
  for (let rest = value; text.length < width; rest /= 62n) text = DIGITS[Number(rest % 62n)] + text;
  return text;
}

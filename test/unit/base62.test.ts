import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isBase62, randomBase62, toBase62, type Random } from "../../src/key/base62.ts";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const valueOf = (text: string): bigint =>
  Array.from(text).reduce((sum, digit) => sum * 62n + BigInt(DIGITS.indexOf(digit)), 0n);

/** 256 bits as eight words, the most significant first. */
const wordsOf = (value: bigint): number[] =>
  Array.from({ length: 8 }, (_, at) => Number((value >> BigInt(32 * (7 - at))) & 0xffffffffn));

describe("toBase62", () => {
  it.each([
    [0n, 1, "0"],
    [0n, 6, "000000"],
    [9n, 1, "9"],
    [10n, 1, "A"],
    [35n, 1, "Z"],
    [36n, 1, "a"],
    [61n, 1, "z"],
    [62n, 2, "10"],
    [2n ** 32n - 1n, 6, "4gfFC3"],
    [2n ** 64n - 1n, 11, "LygHa16AHYF"],
  ])("writes %d in %i digits as %s", (value, width, text) => {
    expect(toBase62(wordsOf(value), width)).toBe(text);
  });

  it("loses nothing of any number that fits, and always fills the width", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 62n ** 16n - 1n }), (value) => {
        const text = toBase62(wordsOf(value), 16);
        expect(text).toHaveLength(16);
        expect(valueOf(text)).toBe(value);
      }),
    );
  });

  it("keeps the last digits of a number that does not fit", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), (value) => {
        expect(valueOf(toBase62(wordsOf(value), 16))).toBe(value % 62n ** 16n);
      }),
    );
  });
});

/** Deals out every byte value once, then again. */
const everyByte = (): Random => {
  let next = 0;
  return (bytes) => bytes.map(() => next++ % 256);
};

describe("randomBase62", () => {
  it("favours no digit: over all byte values each digit comes equally often", () => {
    const counts = new Map<string, number>();
    for (const digit of randomBase62(248 * 62, everyByte())) counts.set(digit, (counts.get(digit) ?? 0) + 1);
    expect([...counts.keys()].toSorted().join("")).toBe(DIGITS.split("").toSorted().join(""));
    expect(new Set(counts.values())).toEqual(new Set([248]));
  });

  it("asks for more when too many bytes had to be thrown away", () => {
    let calls = 0;
    const mostlyUnusable: Random = (bytes) => bytes.fill(calls++ < 3 ? 255 : 61);
    expect(randomBase62(5, mostlyUnusable)).toBe("zzzzz");
    expect(calls).toBe(4);
  });

  it.each([1, 16, 32])("gives exactly %i digits", (length) => {
    const text = randomBase62(length, (bytes) => crypto.getRandomValues(bytes));
    expect(text).toHaveLength(length);
    expect(isBase62(text)).toBe(true);
  });
});

it.each(["", "a_b", "a-b", " a", "a\n", "é", "a\u0000", "٣"])("isBase62 refuses %j", (text) => {
  expect(isBase62(text)).toBe(false);
});

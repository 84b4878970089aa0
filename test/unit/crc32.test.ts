import { crc32 as zlibCrc32 } from "node:zlib";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { crc32 } from "../../src/key/crc32.ts";

it.each([
  ["", 0x00000000],
  ["a", 0xe8b7be43],
  ["abc", 0x352441c2],
  // The check value that every catalogue of checksums gives for this algorithm.
  ["123456789", 0xcbf43926],
  ["The quick brown fox jumps over the lazy dog", 0x414fa339],
])("the checksum of %j is the published one", (text, checksum) => {
  expect(crc32(text)).toBe(checksum);
});

it("agrees with zlib on any ASCII text, and is never negative", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii", maxLength: 200 }), (text) => {
      expect(crc32(text)).toBe(zlibCrc32(text));
    }),
  );
});

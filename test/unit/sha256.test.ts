import { createHash, createHmac } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toBase64url } from "../../src/key/base64url.ts";
import { hmacKey, hmacSha256 } from "../../src/key/hmac.ts";
import { sameText } from "../../src/key/same-text.ts";
import { midstateAfter, sha256 } from "../../src/key/sha256.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
/** Bytes of any length up to this one, the long ones as often as the short ones. */
const bytes = (maxLength: number) => fc.uint8Array({ maxLength, size: "max" });
const byte = (value: number, times: number) => new Uint8Array(times).fill(value);

describe("SHA-256", () => {
  // FIPS 180-2 appendix B, which FIPS 180-4 refers to, and the empty message of the NIST validation suite.
  it.each([
    ["nothing", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["one block", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    [
      "two blocks, the second for the length alone",
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    ],
    ["a million characters", "a".repeat(1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"],
  ])("of %s is that of the standard", (_name, message, digest) => {
    expect(hex(sha256(bytesOf(message)))).toBe(digest);
  });

  it("is what node:crypto says of a message of any length up to four blocks, whatever was hashed before", () => {
    for (let length = 0; length <= 256; length++) {
      const message = Uint8Array.from({ length }, (_, at) => (at * 151 + length * 29) & 0xff);
      expect(hex(sha256(message)), `${length} bytes`).toBe(createHash("sha256").update(message).digest("hex"));
    }
  });

  it("is what node:crypto says of any message, also from behind its first block", () => {
    fc.assert(
      fc.property(bytes(1_000), fc.uint8Array({ minLength: 64, maxLength: 64 }), (rest, block) => {
        expect(hex(sha256(rest))).toBe(createHash("sha256").update(rest).digest("hex"));
        const whole = createHash("sha256").update(block).update(rest).digest("hex");
        expect(hex(sha256(rest, midstateAfter(block)))).toBe(whole);
      }),
    );
  });

  it("leaves a midstate as it was", () => {
    const midstate = midstateAfter(byte(7, 64));
    const before = midstate.slice();
    sha256(bytesOf("once"), midstate);
    expect(midstate).toEqual(before);
  });
});

describe("HMAC-SHA-256", () => {
  // RFC 4231 section 4. The fifth case is truncated to 128 bits there.
  it.each([
    ["1", byte(0x0b, 20), bytesOf("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
    [
      "2",
      bytesOf("Jefe"),
      bytesOf("what do ya want for nothing?"),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ],
    ["3", byte(0xaa, 20), byte(0xdd, 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"],
    [
      "4",
      Uint8Array.from({ length: 25 }, (_, at) => at + 1),
      byte(0xcd, 50),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ],
    ["5", byte(0x0c, 20), bytesOf("Test With Truncation"), "a3b6167473100ee06e0c796c2955552b"],
    [
      "6",
      byte(0xaa, 131),
      bytesOf("Test Using Larger Than Block-Size Key - Hash Key First"),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ],
    [
      "7",
      byte(0xaa, 131),
      bytesOf(
        "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
      ),
      "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
    ],
  ])("is that of test case %s of RFC 4231", (_name, secret, message, mac) => {
    expect(hex(hmacSha256(hmacKey(secret), message)).slice(0, mac.length)).toBe(mac);
  });

  it("is what node:crypto says under any secret, of any message, one after the other under the same", () => {
    fc.assert(
      fc.property(bytes(200), fc.array(bytes(300)), (secret, messages) => {
        const key = hmacKey(secret);
        for (const message of messages) {
          expect(hex(hmacSha256(key, message))).toBe(createHmac("sha256", secret).update(message).digest("hex"));
        }
      }),
    );
  });
});

describe("base64url", () => {
  it("is what node:crypto's Buffer says of any bytes", () => {
    fc.assert(
      fc.property(bytes(100), (any) => {
        expect(toBase64url(any)).toBe(Buffer.from(any).toString("base64url"));
      }),
    );
  });
});

describe("a comparison that takes the same time wherever two texts differ", () => {
  it("is right about any two texts", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
        expect([sameText(a, b), sameText(a, a)]).toEqual([a === b, true]);
      }),
    );
  });
});

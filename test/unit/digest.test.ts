import { describe, expect, it } from "vitest";
import { digestOf, sameDigest, type Digest } from "../../src/key/digest.ts";

describe("the digest of a credential", () => {
  it("is SHA-256 of the whole text, in base64url (the example of FIPS 180-4)", () => {
    expect(Buffer.from(digestOf("abc"), "base64url").toString("hex")).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });

  it("has 43 characters that need no escaping anywhere", () => {
    for (let at = 0; at < 100; at++) expect(digestOf(`credential ${at}`)).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
});

describe("comparing digests", () => {
  const digest = digestOf("abc");

  it("knows a digest again", () => {
    expect(sameDigest(digest, digestOf("abc"))).toBe(true);
  });

  it("sees a difference at every single position", () => {
    for (let at = 0; at < digest.length; at++) {
      const other = `${digest.slice(0, at)}${digest[at] === "A" ? "B" : "A"}${digest.slice(at + 1)}` as Digest;
      expect(sameDigest(digest, other), `position ${at}`).toBe(false);
    }
  });

  it.each(["", digest.slice(1), `${digest}A`])("refuses another length instead of throwing: %j", (other) => {
    expect(sameDigest(digest, other as Digest)).toBe(false);
    expect(sameDigest(other as Digest, digest)).toBe(false);
  });
});

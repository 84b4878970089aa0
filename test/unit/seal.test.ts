import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Random } from "../../src/key/base62.ts";
import { seal, unseal } from "../../src/key/seal.ts";

const random: Random = (bytes) => crypto.getRandomValues(bytes);
const HEADER = "3f8a1c1e-0f5b-4a61-9d3e-7a1f0c2b4d5e";
const CREDENTIAL = "rk_live_1a".padEnd(75, "x");

describe("a seal", () => {
  it("opens with the header it was made with, whatever was sealed", () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: "binary" }), (credential, header) => {
        expect(unseal(seal(credential, header, random), header)).toBe(credential.toWellFormed());
      }),
    );
  });

  it.each([
    ["another one", "3f8a1c1e-0f5b-4a61-9d3e-7a1f0c2b4d5f"],
    ["one in other letters", HEADER.toUpperCase()],
    ["one with a space behind it", `${HEADER} `],
    ["its beginning", HEADER.slice(0, -1)],
    ["none", ""],
  ])("does not open with %s", (_name, header) => {
    expect(unseal(seal(CREDENTIAL, HEADER, random), header)).toBeNull();
  });

  it("does not open when one character of it was changed", () => {
    const sealed = seal(CREDENTIAL, HEADER, random);
    for (let at = 0; at < sealed.length; at++) {
      const other = sealed[at] === "0" ? "1" : "0";
      const altered = sealed.slice(0, at) + other + sealed.slice(at + 1);
      expect(unseal(altered, HEADER), `character ${at}`).toBeNull();
    }
  });

  it("does not open when its end was cut off: a short tag would be easy to guess", () => {
    const sealed = seal(CREDENTIAL, HEADER, random);
    for (let length = 0; length < sealed.length; length++) {
      expect(unseal(sealed.slice(0, length), HEADER), `${length} characters`).toBeNull();
    }
  });

  it.each(["", ".", "..", "a.b", "a.b.c", "...."])("that is none does not open, and nothing breaks: %j", (text) => {
    expect(unseal(text, HEADER)).toBeNull();
  });

  it("is another one each time, and shows neither what is in it nor what opens it", () => {
    const seals = Array.from({ length: 20 }, () => seal(CREDENTIAL, HEADER, random));
    expect(new Set(seals.flatMap((sealed) => sealed.split("."))).size).toBe(60);
    for (const sealed of seals) {
      for (const text of [CREDENTIAL, HEADER]) {
        for (const written of [text, btoa(text), Buffer.from(text).toString("base64url")]) {
          expect(sealed).not.toContain(written.slice(0, 12));
        }
      }
    }
  });
});

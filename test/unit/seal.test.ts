import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Random } from "../../src/key/base62.ts";
import type { Pepper } from "../../src/key/credential.ts";
import { seal, unseal } from "../../src/key/seal.ts";
import { DATED_HEADERS, guessed, sealedBefore } from "../support/guess-header.ts";

const random: Random = (bytes) => crypto.getRandomValues(bytes);
const HEADER = "3f8a1c1e-0f5b-4a61-9d3e-7a1f0c2b4d5e";
const CREDENTIAL = "rk_live_1a".padEnd(75, "x");

const pepper = (id: string, secret: string): Pepper => ({ id, secret: new TextEncoder().encode(secret) });
const [A, B] = [pepper("a", "the first pepper"), pepper("b", "the second pepper")];
const PEPPERS = { signing: A, all: [A] };

describe("a seal", () => {
  it("opens with the header it was made with, whatever was sealed", () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: "binary" }), (credential, header) => {
        expect(unseal(seal(credential, header, PEPPERS, random), header, PEPPERS)).toBe(credential.toWellFormed());
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
    expect(unseal(seal(CREDENTIAL, HEADER, PEPPERS, random), header, PEPPERS)).toBeNull();
  });

  it("does not open when one character of it was changed", () => {
    const sealed = seal(CREDENTIAL, HEADER, PEPPERS, random);
    for (let at = 0; at < sealed.length; at++) {
      const other = sealed[at] === "0" ? "1" : "0";
      const altered = sealed.slice(0, at) + other + sealed.slice(at + 1);
      expect(unseal(altered, HEADER, PEPPERS), `character ${at}`).toBeNull();
    }
  });

  it("does not open when its end was cut off: a short tag would be easy to guess", () => {
    const sealed = seal(CREDENTIAL, HEADER, PEPPERS, random);
    for (let length = 0; length < sealed.length; length++) {
      expect(unseal(sealed.slice(0, length), HEADER, PEPPERS), `${length} characters`).toBeNull();
    }
  });

  it.each(["", ".", "..", "a.b", "a.b.c", "....", "2.a..", "2.a...", "2.a.b.c.d", "1.a.b.c.d", "2.a.b.c.d.e"])(
    "that is none does not open, and nothing breaks: %j",
    (text) => {
      expect(unseal(text, HEADER, PEPPERS)).toBeNull();
    },
  );

  it("is another one each time, and shows neither what is in it nor what opens it", () => {
    const seals = Array.from({ length: 20 }, () => seal(CREDENTIAL, HEADER, PEPPERS, random));
    // All but the number of the layout and the id of the pepper.
    expect(new Set(seals.flatMap((sealed) => sealed.split(".").slice(2))).size).toBe(60);
    for (const sealed of seals) {
      for (const text of [CREDENTIAL, HEADER]) {
        for (const written of [text, btoa(text), Buffer.from(text).toString("base64url")]) {
          expect(sealed).not.toContain(written.slice(0, 12));
        }
      }
    }
  });
});

describe("the pepper of a seal", () => {
  it.each<[string, readonly Pepper[], boolean]>([
    ["is the only one", [A], true],
    ["is listed beside a newer one that signs now", [A, B], true],
    ["comes behind another", [B, A], true],
    ["is not listed any more", [B], false],
    ["has another secret under its id", [pepper("a", "another secret"), B], false],
    ["is gone with all others", [], false],
  ])("opens it where it %s: %s", (_name, all, opens) => {
    const sealed = seal(CREDENTIAL, HEADER, { signing: A }, random);
    expect(unseal(sealed, HEADER, { all })).toBe(opens ? CREDENTIAL : null);
  });

  it("is needed: the header alone, which opened the seals of before, does not", () => {
    const [, , ...rest] = seal(CREDENTIAL, HEADER, PEPPERS, random).split(".");
    expect(unseal(rest.join("."), HEADER, PEPPERS)).toBeNull();
  });

  it("is not needed for a seal of the layout before, which still opens with its header and no other", () => {
    const sealed = sealedBefore(CREDENTIAL, HEADER);
    expect(unseal(sealed, HEADER, { all: [] })).toBe(CREDENTIAL);
    expect(unseal(sealed, `${HEADER}x`, PEPPERS)).toBeNull();
  });
});

describe("whoever has a copy of the storage, and guesses", () => {
  it("control: found a dated header by which a seal of before was made", () => {
    expect(guessed(sealedBefore(CREDENTIAL, "rotate-2020-01-02"))).toEqual({
      header: "rotate-2020-01-02",
      credential: CREDENTIAL,
      tries: DATED_HEADERS.indexOf("rotate-2020-01-02") + 1,
    });
  });

  it("finds no header any more, not even a dated one: what else opens it lies elsewhere", () => {
    expect(guessed(seal(CREDENTIAL, "rotate-2020-01-02", PEPPERS, random))).toBeNull();
  });

  it("control: with the pepper the dated header is found again, which is why a header must be random", () => {
    expect(guessed(seal(CREDENTIAL, "rotate-2020-01-02", PEPPERS, random), [A])).toMatchObject({
      credential: CREDENTIAL,
    });
  });
});

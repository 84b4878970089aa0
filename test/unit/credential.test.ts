import { createHmac } from "node:crypto";
import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Random } from "../../src/key/base62.ts";
import {
  hintOf,
  isKeyId,
  isTagged,
  keyIdFrom,
  mint,
  newKeyId,
  parseCredential,
  redact,
  type KeyId,
  type Pepper,
} from "../../src/key/credential.ts";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const random: Random = (bytes) => crypto.getRandomValues(bytes);
const pepperOf = (id: string, secret = `the secret of pepper ${id}`): Pepper => ({ id, secret: Buffer.from(secret) });

const A = pepperOf("a");
const B = pepperOf("b");
const keyId = "key_0123456789ABCDEF" as KeyId;
const mintWith = (prefix: string, pepper = A) => mint(keyId, { prefix, pepper, random });
const credential = mintWith("rk_live");

/** Whether the Worker would ask a key's object about this text. */
const isOurs = (text: string, peppers: readonly Pepper[] = [A]): boolean => {
  const parsed = parseCredential(text);
  return parsed !== null && isTagged(parsed, peppers);
};

// A second opinion on the format, from its description rather than from the code under test.
const inBase62 = (value: bigint, width: number): string =>
  Array.from({ length: width }, (_, at) => DIGITS[Number((value / 62n ** BigInt(width - 1 - at)) % 62n)]).join("");
const checksumOf = (text: string) => inBase62(BigInt(crc32(text)), 6);
const tagOf = (text: string, pepper: Pepper) =>
  inBase62(BigInt(`0x${createHmac("sha256", pepper.secret).update(text).digest("hex").slice(0, 16)}`), 11);

describe("the format", () => {
  it("is prefix, _, format 1, pepper 1, key id 16, secret 32, tag 11, checksum 6", () => {
    const match = /^rk_live_1a(0123456789ABCDEF)([0-9A-Za-z]{32})([0-9A-Za-z]{11})([0-9A-Za-z]{6})$/.exec(credential);
    expect(match).not.toBeNull();
    const [, , , tag, checksum] = match!;
    expect(tag).toBe(tagOf(credential.slice(0, -17), A));
    expect(checksum).toBe(checksumOf(credential.slice(0, -6)));
  });

  it("has room for 95 bits of id and 190 bits of secret", () => {
    expect(Math.floor(16 * Math.log2(62))).toBe(95);
    expect(Math.floor(32 * Math.log2(62))).toBe(190);
  });

  it("admits a credential that was assembled by hand from the description", () => {
    const tagged = `acme_1b${"K".repeat(16)}${"s".repeat(32)}`;
    const withTag = tagged + tagOf(tagged, B);
    expect(isOurs(withTag + checksumOf(withTag), [A, B])).toBe(true);
  });

  it("mints another secret every time", () => {
    expect(new Set(Array.from({ length: 1000 }, () => mintWith("rk_live").slice(26, 58))).size).toBe(1000);
  });
});

describe("parsing", () => {
  it.each(["r", "rk_live", "a_b_c", "a_", "a__", "rk_1a", "a1234567890123456789", "rk_live_1aaaaaaaaaaa"])(
    "reads from the right, so the prefix may be %s",
    (prefix) => {
      const text = mintWith(prefix);
      expect(parseCredential(text)).toEqual({ text, prefix, pepperId: "a", keyId });
      expect(isOurs(text)).toBe(true);
    },
  );

  it.each(["", "_", "_rk", "1rk", "Rk", "rK", "rk-live", "rk live", "rk\n", "rké", "a12345678901234567890"])(
    "refuses the prefix %j, even with a right tag",
    (prefix) => {
      expect(parseCredential(mintWith(prefix))).toBeNull();
    },
  );

  it.each([
    ["nothing", ""],
    ["a word", "password"],
    ["a JWT", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"],
    ["a body alone", credential.slice("rk_live_".length)],
    ["a body behind _ alone", credential.slice("rk_live".length)],
    ["a space before", ` ${credential}`],
    ["a space behind", `${credential} `],
    ["a newline behind", `${credential}\n`],
    ["two of them", `${credential}${credential}`],
    ["two with a comma", `${credential},${credential}`],
    ["another format", credential.replace("rk_live_1", "rk_live_2")],
    ["upper case", credential.toUpperCase()],
    ["full-width digits", credential.replace("_1", "_１")],
  ])("refuses %s", (_name, text) => {
    expect(parseCredential(text)).toBeNull();
  });

  it("refuses every truncation and every doubled character", () => {
    for (let at = 0; at < credential.length; at++) {
      expect(isOurs(credential.slice(0, at)), `cut before ${at}`).toBe(false);
      expect(isOurs(credential.slice(0, at) + credential[at] + credential.slice(at)), `doubled ${at}`).toBe(false);
    }
  });

  it("answers for any text whatsoever, and never throws", () => {
    const nearly = fc
      .tuple(fc.nat(credential.length), fc.nat(8), fc.string({ unit: "binary", maxLength: 8 }))
      .map(([at, length, text]) => credential.slice(0, at) + text + credential.slice(at + length));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary", maxLength: 200 }), nearly), (text) => {
        expect(isOurs(text)).toBe(text === credential);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the tag", () => {
  const everyMutation = function* (until: number): Generator<{ at: number; text: string }> {
    for (let at = 0; at < until; at++) {
      for (const other of `${DIGITS}_-. \u0000é`) {
        if (other !== credential[at]) yield { at, text: credential.slice(0, at) + other + credential.slice(at + 1) };
      }
    }
  };

  it("refuses every mutation of a single character", () => {
    for (const { at, text } of everyMutation(credential.length)) expect(isOurs(text), `at ${at}: ${text}`).toBe(false);
  });

  it("refuses every mutation of a single character even when its checksum is put right", () => {
    for (const { at, text } of everyMutation(credential.length - 6)) {
      const forged = text.slice(0, -6) + checksumOf(text.slice(0, -6));
      expect(isOurs(forged), `at ${at}: ${forged}`).toBe(false);
    }
  });

  it("is no proof under another pepper of the same id", () => {
    expect(isOurs(credential, [pepperOf("a", "another secret")])).toBe(false);
  });

  it.each([
    ["only its own", [A], true],
    ["its own first", [A, B], true],
    ["its own last", [B, A], true],
    ["its own, no longer listed", [B], false],
    ["none at all", [], false],
  ])("is judged under the pepper that the credential names: %s", (_name, peppers, ours) => {
    expect(isOurs(credential, peppers)).toBe(ours);
  });

  it("does not move a credential to another pepper of the deployment", () => {
    const moved = credential.replace("rk_live_1a", "rk_live_1b").slice(0, -6);
    expect(isOurs(moved + checksumOf(moved), [A, B])).toBe(false);
  });
});

it("mints, for any prefix, pepper and id, what parses and verifies, under any list that holds the pepper", () => {
  const aPepper = fc
    .tuple(fc.constantFrom(...DIGITS.split("")), fc.string({ minLength: 1 }))
    .map(([id, secret]) => pepperOf(id, secret));
  const peppers = fc.uniqueArray(aPepper, { minLength: 1, maxLength: 5, selector: ({ id }) => id });
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z][a-z0-9_]{0,19}$/), peppers, fc.nat(), (prefix, list, choice) => {
      const pepper = list[choice % list.length]!;
      const id = newKeyId(random);
      const text = mint(id, { prefix, pepper, random });
      expect(parseCredential(text)).toEqual({ text, prefix, pepperId: pepper.id, keyId: id });
      expect(isOurs(text, list)).toBe(true);
      expect(
        isOurs(
          text,
          list.filter((other) => other !== pepper),
        ),
      ).toBe(false);
      expect(redact(`key=${text};`)).toBe(`key=[redacted …${text.slice(-4)}];`);
    }),
  );
});

describe("key ids", () => {
  it.each(["key_0123456789ABCDEF", "key_zzzzzzzzzzzzzzzz"])("%s is one", (text) => {
    expect(isKeyId(text)).toBe(true);
  });

  it.each(["", "key_", "key_0123456789ABCDE", "key_0123456789ABCDEFG", "KEY_0123456789ABCDEF", "key_0123456789ABCD_F"])(
    "%j is none",
    (text) => {
      expect(isKeyId(text)).toBe(false);
    },
  );

  it.each([" key_0123456789ABCDEF", "key_0123456789ABCDEF\n", "key_0123456789ABCDEF/..", "../key_0123456789ABCDEF"])(
    "%j is none, so it reaches no object and no path",
    (text) => {
      expect(isKeyId(text)).toBe(false);
    },
  );

  it("belong to a text: the same text the same id, another text another id", () => {
    const ids = Array.from({ length: 1000 }, (_, at) => keyIdFrom(`admin retry-${at}`));
    expect(new Set(ids).size).toBe(1000);
    expect(ids.every(isKeyId)).toBe(true);
    expect(keyIdFrom("admin retry-7")).toBe(ids[7]);
  });

  it("are never the same twice", () => {
    const ids = Array.from({ length: 1000 }, () => newKeyId(random));
    expect(new Set(ids).size).toBe(1000);
    expect(ids.every(isKeyId)).toBe(true);
  });
});

describe("redaction", () => {
  const hidden = `[redacted …${credential.slice(-4)}]`;

  it("leaves the hint, which belongs to the checksum and not to the secret", () => {
    expect(hintOf(credential)).toBe(`…${credential.slice(-4)}`);
    expect(redact(credential)).toBe(hidden);
  });

  it.each([
    ["a header", `Authorization: Bearer ${credential}`, `Authorization: Bearer ${hidden}`],
    ["JSON", `{"key":"${credential}"}`, `{"key":"${hidden}"}`],
    ["a URL", `https://api.example/?key=${credential}&x=1`, `https://api.example/?key=${hidden}&x=1`],
    ["twice in one line", `${credential} and ${credential}`, `${hidden} and ${hidden}`],
    ["lines", `a\n${credential}\nb`, `a\n${hidden}\nb`],
    ["an end that was cut off", `key ${credential.slice(0, -1)}!`, "key [redacted]!"],
    ["an end that was cut off right behind the secret", `key ${credential.slice(0, -17)} …`, "key [redacted] …"],
    ["text glued to its end", `${credential}SUFFIX`, "[redacted]"],
    ["text glued to its beginning", `prefix_${credential}`, `[redacted …${credential.slice(-4)}]`],
  ])("in %s", (_name, text, redacted) => {
    expect(redact(text)).toBe(redacted);
  });

  it("hides the secret whatever is glued to the credential, and wherever it is cut behind the secret", () => {
    const secret = credential.slice(26, 58);
    const cuts = Array.from({ length: 17 }, (_, at) => credential.slice(0, credential.length - at));
    for (const text of [...cuts, `x${credential}y`, `prefix_${credential}SUFFIX`, `${credential}${credential}`]) {
      expect(redact(text)).not.toContain(secret);
    }
  });

  it("touches nothing else", () => {
    for (const text of ["", "key_0123456789ABCDEF", "rk_live_1short", "a".repeat(200), hidden]) {
      expect(redact(text)).toBe(text);
    }
  });
});

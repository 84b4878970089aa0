import { randomBytes, randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { HARD_TO_GUESS, isHardToGuess } from "../../src/control/hard-to-guess.ts";
import { readIdempotencyKey } from "../../src/control/read-headers.ts";

const UUID = "3f8a1c1e-0f5b-4a61-9d3e-7a1f0c2b4d5e";
const DRAWS = 20_000;

describe("a header from which a secret can be had again may be", () => {
  it.each<[string, () => string]>([
    ["crypto.randomUUID()", () => randomUUID()],
    ["uuidgen where it writes capitals", () => randomUUID().toUpperCase()],
    ["a UUID in quotes, as some write it", () => `"${randomUUID()}"`],
    ["a UUID with words before it", () => `rotate-acme-2020-01-02-${randomUUID()}`],
    ["openssl rand -hex 16", () => randomBytes(16).toString("hex")],
    ["openssl rand -hex 32", () => randomBytes(32).toString("hex")],
    ["openssl rand -base64 16", () => randomBytes(16).toString("base64")],
    ["openssl rand -base64 32", () => randomBytes(32).toString("base64")],
    ["16 bytes in base64url", () => randomBytes(16).toString("base64url")],
  ])("what %s draws, but for one in 10,000", (_name, draw) => {
    let refused = 0;
    for (let count = 0; count < DRAWS; count++) refused += isHardToGuess(draw()) ? 0 : 1;
    // Expected: 0.4 of 20,000 at most, of 22 letters that happen to be all of one case.
    expect(refused).toBeLessThanOrEqual(8);
  });
});

describe("a header that can be guessed is refused", () => {
  it.each([
    ["a verb and a day", "rotate-2020-01-02"],
    ["more of that", "rotate-acme-production-2020-01-02-attempt-0001"],
    ["capitals in it", "Rotate-Acme-Production-2020-01-02"],
    ["a day written closely", "RotateAcmeProduction20200102"],
    ["a time", "2020-01-02T03:04:05.678Z"],
    ["a time and words", "Rotate/2020/01/02/for/Acme/Corp"],
    ["16 characters that were enough once", "0123456789abcdef"],
    ["a counter", "rotation-number-00000000000000000000000017"],
    ["32 digits", "20200102030405060708091011121314"],
    ["one character over and over", "a".repeat(255)],
    ["one that is no hex over and over", "xX".repeat(20)],
    ["zeros", "0".repeat(32)],
    ["few different hex digits", "abababababababababababababababab"],
    ["the nil UUID", "00000000-0000-0000-0000-000000000000"],
    ["a version 4 UUID that was not drawn", "00000000-0000-4000-8000-000000000000"],
    ["a UUID of a time (version 1)", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"],
    ["a UUID of a name (version 5)", "886313e1-3b8a-5372-9b90-0c9aee199e5d"],
    ["a UUID of a time and 74 random bits (version 7)", "018f3e5a-7c1d-7a3b-9f2e-4b6d8c0a1e35"],
    ["that in mixed letters", "018F3E5A-7C1D-7a3b-9f2e-4b6d8c0a1e35"],
    ["half of a UUID", UUID.slice(0, 22)],
    ["a UUID with a digit too many", `${UUID}0`],
    ["31 hex digits", "3f8a1c1e0f5b4a619d3e7a1f0c2b4d5"],
    ["words", "the-same-for-every-operation"],
    ["21 characters of base64", "V1StGXR8Z5jdHi6BmyTab"],
    ["a UUID behind a space", `key ${UUID}`],
    ["256 characters", UUID + "x".repeat(220)],
    ["letters of another alphabet", `${UUID}\u00e9`],
    ["nothing", ""],
  ])("%s", (_name, header) => {
    expect(isHardToGuess(header)).toBe(false);
  });

  it("and is told what to send instead", () => {
    const reading = readIdempotencyKey(new Headers({ "idempotency-key": "rotate-2020-01-02" }));
    expect(reading).toEqual({ ok: false, fault: { path: "Idempotency-Key", message: `must be ${HARD_TO_GUESS}` } });
    for (const way of ["crypto.randomUUID()", "openssl rand -hex 16", "openssl rand -base64 16"]) {
      expect(HARD_TO_GUESS).toContain(way);
    }
  });
});

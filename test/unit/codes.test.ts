import { describe, expect, it } from "vitest";
import { CODE_OF_REASON, CODES } from "../../src/http/codes.ts";

/** The closed list of the contract: each code and its status. */
const CONTRACT: Readonly<Record<string, number>> = {
  "missing-credentials": 401,
  "ambiguous-credentials": 400,
  "credentials-in-url": 400,
  "invalid-key": 401,
  "key-rotated": 401,
  "key-revoked": 401,
  "key-expired": 401,
  "key-suspended": 401,
  "owner-suspended": 401,
  "rotation-required": 403,
  "insufficient-scope": 403,
  "ip-not-allowed": 403,
  "rate-limited": 429,
  "quota-exceeded": 429,
  "concurrency-exceeded": 429,
  "cost-exceeds-limit": 429,
  "too-many-failures": 429,
  unavailable: 503,
  "ledger-unavailable": 503,
  misconfigured: 503,
  "origin-unreachable": 502,
  "origin-timeout": 504,
  "invalid-request": 400,
  "invalid-path": 400,
  "not-found": 404,
  "method-not-allowed": 405,
  "payload-too-large": 413,
  "header-too-large": 431,
  "websocket-not-allowed": 403,
  forbidden: 403,
  "precondition-failed": 412,
  "version-conflict": 409,
  "idempotency-mismatch": 422,
  "idempotency-expired": 409,
  "owner-revoked": 409,
  conflict: 409,
};

describe("the list of codes", () => {
  it.each(Object.entries(CODES))("%s is in the contract, with its status and a page's worth of text", (code, wire) => {
    expect(wire.status).toBe(CONTRACT[code]);
    expect(wire.title).toMatch(/^[A-Z].*\.$/);
    expect(wire.explanation).toMatch(/^[A-Z`].*\.$/s);
  });
});

describe("what a caller is told of a refusal", () => {
  it.each(Object.entries(CODE_OF_REASON))("%s is told as %s", (reason, code) => {
    expect(CODES).toHaveProperty([code]);
    // Who proved possession of no secret hears one and the same answer; everybody else hears the reason itself. One
    // reason is between the Worker and the object, and would be a fault of ours anywhere else.
    const instead: Readonly<Record<string, string>> = {
      "unknown-key": "invalid-key",
      "wrong-secret": "invalid-key",
      "slot-required": "unavailable",
    };
    expect(code).toBe(instead[reason] ?? reason);
  });
});

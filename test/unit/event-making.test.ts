import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { amend } from "../../src/key/amend.ts";
import { toBase64url } from "../../src/key/base64url.ts";
import { cut, makeEvent, VALUE_BYTES, WORD_LENGTH } from "../../src/key/event-making.ts";
import type { JsonValue } from "../../src/key/policy.ts";
import { sha256 } from "../../src/key/sha256.ts";
import { admin, aKey, at, t } from "./../support/a-key.ts";

const src = join(import.meta.dirname, "../../src");
const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
const digestOf = (value: JsonValue) => ({
  sha256: toBase64url(sha256(new TextEncoder().encode(JSON.stringify(value)))),
  bytes: bytesOf(value),
});
const detailOf = (detail: Record<string, JsonValue>) => makeEvent(1, "key.amended", at(t(0)), detail).detail;

describe("what an event keeps of a value", () => {
  it.each<[string, string]>([
    ["of letters", "a".repeat(VALUE_BYTES - 2)],
    ["of characters of two bytes", "é".repeat((VALUE_BYTES - 2) / 2)],
  ])("is the value up to the bound, and its digest and length from one byte more: %s", (_what, most) => {
    expect(detailOf({ name: most })).toEqual({ name: most });
    const more = `${most}a`;
    expect(detailOf({ name: more })).toEqual({ name: digestOf(more) });
  });

  it("is judged before and after, each by itself", () => {
    const large = { plan: "x".repeat(VALUE_BYTES) };
    expect(detailOf({ metadata: { before: { plan: "pro" }, after: large } })).toEqual({
      metadata: { before: { plan: "pro" }, after: digestOf(large) },
    });
  });

  it("is bounded whatever it is", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 8 }), (values) => {
        const detail = detailOf(values as Record<string, JsonValue>);
        expect(Object.keys(detail)).toEqual(Object.keys(values));
        for (const value of Object.values(detail)) expect(bytesOf(value)).toBeLessThanOrEqual(2 * VALUE_BYTES + 32);
      }),
    );
  });

  it("lets the largest amendment there is be an event of a fraction of what a statement carries", () => {
    const networks = Array.from(
      { length: 64 },
      (_, n) => `2001:db8:${n.toString(16).padStart(4, "0")}:1111:2222:3333::/96`,
    );
    const step = amend(
      aKey({ metadata: { m: "é".repeat(2_000) } }),
      {
        expectedRevision: null,
        amendment: {
          name: "𝒳".repeat(128),
          scopes: Array.from({ length: 64 }, (_, n) => `${"s".repeat(120)}:${n}`),
          allowedIps: networks,
          metadata: { m: "è".repeat(2_000) },
        },
      },
      { now: t(1), by: { ...admin, userAgent: "u".repeat(16_000) }, reason: "𝒳".repeat(256) },
    );
    expect(bytesOf(step.events)).toBeLessThan(50_000);
    expect(step.events[0]!.detail["scopes"]).toMatchObject({ before: [], after: { bytes: expect.any(Number) } });
  });
});

describe("what an event keeps of who asked", () => {
  it("is cut, and never in the middle of a character", () => {
    const long = `${"a".repeat(WORD_LENGTH - 1)}𝒳`;
    const by = { actor: long, requestId: long, ip: long, userAgent: long, country: long };
    const kept = `${"a".repeat(WORD_LENGTH - 1)}\u{FFFD}`;
    expect(makeEvent(1, "key.revoked", { now: t(0), by }, {}).by).toEqual({
      actor: kept,
      requestId: kept,
      ip: kept,
      userAgent: kept,
      country: kept,
    });
    expect(cut(null)).toBeNull();
  });
});

it("no event is made in any other way", () => {
  const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) =>
    /^(key|key-object)\/.*\.ts$/.test(file),
  );
  expect(files.length).toBeGreaterThan(80);
  const makers = files.filter((file) =>
    /\btype(: "key\.|,\s+at\b|: "key)/.test(readFileSync(join(src, file), "utf8").replaceAll(/readonly type.*/g, "")),
  );
  // The chain takes events apart, to hash them.
  expect(makers.toSorted()).toEqual(["key/chain.ts", "key/event-making.ts"]);
});

import { describe, expect, it } from "vitest";
import { allowReading } from "../../src/edge/cors.ts";
import type { CorsRule } from "../../src/routing/rule.ts";

const rule = (change: Partial<CorsRule> = {}): CorsRule => ({
  origins: ["https://app.example.com"],
  headers: [],
  exposeHeaders: [],
  credentials: false,
  maxAgeSeconds: 600,
  preflight: "answer",
  ...change,
});
const SAID_BY_ORIGIN = {
  "access-control-allow-origin": "*",
  "access-control-allow-credentials": "true",
  "access-control-expose-headers": "X-Secret",
};

describe("what an origin says of other sites", () => {
  it.each([
    [
      "a page that the rule names",
      "https://app.example.com",
      { "access-control-allow-origin": "https://app.example.com" },
    ],
    ["a page that it does not name", "https://evil.example", {}],
    ["no page", null, {}],
  ])("gives way to the rule in every header, for %s", (_who, origin, expected) => {
    const headers = new Headers(SAID_BY_ORIGIN);
    allowReading(headers, rule(), origin);
    headers.delete("vary");
    expect(headers.get("access-control-expose-headers") ?? "").not.toContain("X-Secret");
    headers.delete("access-control-expose-headers");
    expect(Object.fromEntries(headers)).toEqual(expected);
  });
});

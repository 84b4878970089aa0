import { describe, expect, it } from "vitest";
import type { CredentialHeader } from "../../src/env.ts";
import { carriesCredential } from "../../src/http/credential-in-url.ts";
import { readCredential } from "../../src/http/read-credential.ts";
import { mint, newKeyId } from "../../src/key/credential.ts";

const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);
const aCredential = (prefix = "rk_live") =>
  mint(newKeyId(random), { prefix, pepper: { id: "a", secret: new Uint8Array(32) }, random });
const OURS = aCredential();
const OTHER = aCredential();
const JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2ln_bmF0-dXJl";

const BOTH = ["authorization", "x-api-key"] as const;
function read(headers: Record<string, string>, allowed: readonly CredentialHeader[] = BOTH) {
  const reading = readCredential(new Headers(headers), allowed);
  return reading.ok ? `${reading.header}: ${reading.credential.text}` : reading.code;
}

const NO_TOKENS = { ownTokens: [] };

describe("one credential in one header counts", () => {
  it.each([
    ["Bearer", { authorization: `Bearer ${OURS}` }, "authorization"],
    ["A6: bearer", { authorization: `bearer ${OURS}` }, "authorization"],
    ["A6: BEARER", { authorization: `BEARER ${OURS}` }, "authorization"],
    ["two spaces behind the scheme", { authorization: `Bearer  ${OURS}` }, "authorization"],
    ["X-API-Key", { "x-api-key": OURS }, "x-api-key"],
    ["X-API-Key, with a user's JWT beside it", { "x-api-key": OURS, authorization: `Bearer ${JWT}` }, "x-api-key"],
    ["X-API-Key, with Basic beside it", { "x-api-key": OURS, authorization: "Basic dTpw" }, "x-api-key"],
    [
      "X-API-Key, with several others beside it",
      { "x-api-key": OURS, authorization: "Bearer a, Basic b" },
      "x-api-key",
    ],
    [
      "Bearer, with somebody's X-API-Key beside it",
      { "x-api-key": "k-1", authorization: `Bearer ${OURS}` },
      "authorization",
    ],
    [
      "Bearer, with an empty X-API-Key beside it",
      { "x-api-key": "", authorization: `Bearer ${OURS}` },
      "authorization",
    ],
  ])("%s", (_name, headers, header) => expect(read(headers)).toBe(`${header}: ${OURS}`));
});

describe("A5: more than one is refused, equal or not", () => {
  it.each([
    ["both kinds", { authorization: `Bearer ${OURS}`, "x-api-key": OTHER }],
    ["both kinds, the same", { authorization: `Bearer ${OURS}`, "x-api-key": OURS }],
    ["two Authorization headers", { authorization: `Bearer ${OURS}, Bearer ${OTHER}` }],
    ["two Authorization headers, the same", { authorization: `Bearer ${OURS}, Bearer ${OURS}` }],
    ["ours behind somebody's", { authorization: `Bearer ${JWT}, Bearer ${OURS}` }],
    ["ours before somebody's", { authorization: `Bearer ${OURS}, Bearer ${JWT}` }],
    ["ours behind Basic", { authorization: `Basic dTpw, Bearer ${OURS}` }],
    ["ours before Basic", { authorization: `Bearer ${OURS},Basic dTpw` }],
    ["two X-API-Key headers", { "x-api-key": `${OURS}, ${OTHER}` }],
    ["ours and somebody's X-API-Key", { "x-api-key": `k-1, ${OURS}` }],
    [
      "several in one header, one good in the other",
      { authorization: `Bearer ${OURS}`, "x-api-key": `${OURS},${OTHER}` },
    ],
  ])("%s", (_name, headers) => expect(read(headers)).toBe("ambiguous-credentials"));
});

describe("A5: a space or a comma beside ours is refused", () => {
  it.each([
    { authorization: `Bearer ${OURS},` },
    { authorization: `Bearer ,${OURS}` },
    { authorization: `Bearer ${OURS} x` },
    { authorization: `Bearer x ${OURS}` },
    { authorization: `Bearer\t${OURS}` },
    { authorization: `Bearer ${OURS}\u00a0` },
    { authorization: `Bearer Bearer ${OURS}` },
    { "x-api-key": `Bearer ${OURS}` },
    { "x-api-key": `${OURS},` },
    { "x-api-key": `${OURS}\t${OTHER}` },
  ])("%j", (headers) => expect(read(headers as Record<string, string>)).toBe("ambiguous-credentials"));
});

describe("what does not parse is not a key", () => {
  it.each([
    { authorization: "Bearer" },
    { authorization: "Bearer x" },
    { authorization: `Bearer ${JWT}` },
    { authorization: `Bearer "${OURS}"` },
    { authorization: `Bearer ${OURS}x` },
    { authorization: `Bearer ${OURS.slice(0, -1)}` },
    { authorization: `Bearer ${OURS}é` },
    { authorization: "Bearer a, Bearer b" },
    { "x-api-key": "" },
    { "x-api-key": "x" },
    { "x-api-key": "a, b" },
    { authorization: `Bearer ${JWT}`, "x-api-key": "x" },
    { authorization: "Basic dTpw", "x-api-key": "x" },
  ])("%j", (headers) => expect(read(headers as Record<string, string>)).toBe("invalid-key"));
});

describe("A6: only Bearer is Bearer", () => {
  it.each([
    {},
    { authorization: "" },
    { authorization: "Basic dTpw" },
    { authorization: `Basic ${OURS}` },
    { authorization: `Token ${OURS}` },
    { authorization: `ApiKey ${OURS}` },
    { authorization: `Digest username="a", response="${OURS}"` },
    { authorization: OURS },
    { authorization: `Bearer${OURS}` },
    { authorization: `Bearer:${OURS}` },
    { authorization: `Bearers ${OURS}` },
    { "api-key": OURS },
    { "proxy-authorization": `Bearer ${OURS}` },
    { x_api_key: OURS },
  ])("%j: no credentials at all", (headers) =>
    expect(read(headers as Record<string, string>)).toBe("missing-credentials"),
  );
});

describe("CREDENTIAL_HEADER narrows it to one header", () => {
  const both = { authorization: `Bearer ${OURS}`, "x-api-key": OTHER };
  it.each([
    ["authorization", both, `authorization: ${OURS}`],
    ["x-api-key", both, `x-api-key: ${OTHER}`],
    ["authorization", { "x-api-key": OURS }, "missing-credentials"],
    ["x-api-key", { authorization: `Bearer ${OURS}` }, "missing-credentials"],
    ["x-api-key", { authorization: `Bearer ${OURS}`, "x-api-key": "x" }, "invalid-key"],
  ] as const)("%s", (header, headers, expected) => expect(read(headers, [header])).toBe(expected));
});

describe("A4: a credential in a URL is seen", () => {
  const escaped = (text: string) =>
    text
      .split("")
      .map((c) => `%${c.charCodeAt(0).toString(16)}`)
      .join("");
  it.each([
    `?key=${OURS}`,
    `?${OURS}`,
    `?${OURS}=1`,
    `?a=b&api_key=${OURS}&c=d`,
    `?a=${OURS}&a=${OTHER}`,
    `?key=%20${OURS}+`,
    `?key="${OURS}"`,
    `?filter[key]=${OURS}`,
    `?next=https%3A%2F%2Fx.example%2F%3Fkey%3D${OURS}`,
    `?key=${OURS.replaceAll("_", "%5F")}`,
    `?key=${OURS.replaceAll("_", "%5f")}`,
    `?key=${escaped(OURS)}`,
    `?key=${escaped(OURS).toUpperCase()}`,
    `?key=${OURS.replaceAll("_", "%255F")}`,
    `?key=${OURS}%`,
    `?bad=%zz&key=${OURS}`,
    `?bad=%ff&key=${OURS}`,
    `/bot/${OURS}/send`,
    `?key=${aCredential("a")}`,
    `?key=${aCredential("a2345678901234567890")}`,
  ])("%s", (part) => expect(carriesCredential(part, NO_TOKENS)).toBe(true));

  it.each([
    "",
    "?",
    `?token=${JWT}`,
    `?key=${OURS.slice(0, -1)}`,
    `?key=${OURS}x`,
    `?key=x${OURS.toUpperCase()}`,
    `?hash=${"a".repeat(128)}`,
    `?hash=${"0123456789abcdef".repeat(8)}`,
    `?q=${"rk_live_".repeat(20)}`,
    `?q=${"%".repeat(200)}`,
  ])("not in %s", (part) => expect(carriesCredential(part, NO_TOKENS)).toBe(false));
});

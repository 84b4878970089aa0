import { describe, expect, it } from "vitest";
import { faultOfFraming, MAX_HEADER_LENGTH } from "../../src/edge/framing.ts";
import { isUnwanted, rewriteRequestHeaders, type Provenance } from "../../src/edge/request-headers.ts";
import { privateCacheControl, rewriteResponseHeaders } from "../../src/edge/response-headers.ts";
import { mint, parseCredential, type KeyId } from "../../src/key/credential.ts";

const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);
const keyId = "key_0123456789ABCDEF" as KeyId;
const aCredential = () => mint(keyId, { prefix: "rk_live", pepper: { id: "a", secret: new Uint8Array(32) }, random });
const OURS = aCredential();
const OTHER = aCredential();

const admitted: NonNullable<Provenance["admitted"]> = {
  credential: parseCredential(OURS)!,
  identity: {
    keyId,
    owner: "acme",
    version: 3,
    details: { name: "a key", scopes: ["orders:read", "orders:write"], metadata: {}, expiresAt: null },
  },
  assertion: null,
};
const TOKEN = "Q0x2b1pXc2V6S3h0Vm9wTWJnUnlJa0FqNWVRN2ZIdEw";
const provenance: Provenance = {
  config: { ownTokens: [TOKEN], passedHeaders: new Set() },
  admitted,
  requestId: "req_1",
  clientIp: "203.0.113.7",
  scheme: "https",
  host: "api.example",
};

/** What the origin would get of these headers. */
function forwarded(headers: Record<string, string>, change: Partial<Provenance> = {}) {
  const rewritten = new Headers(headers);
  rewriteRequestHeaders(rewritten, { ...provenance, ...change });
  return Object.fromEntries(rewritten);
}

const SAID_BY_US = {
  "rekey-key-id": keyId,
  "rekey-key-version": "3",
  "rekey-owner": "acme",
  "rekey-request-id": "req_1",
  "rekey-scopes": "orders:read orders:write",
  "x-forwarded-for": "203.0.113.7",
  "x-forwarded-host": "api.example",
  "x-forwarded-proto": "https",
};

/** Every way to write a name with `-` or `_`, in three cases. */
function spellingsOf(name: string): string[] {
  const parts = name.split("-");
  let names = [parts[0]!];
  for (const part of parts.slice(1)) names = names.flatMap((start) => [`${start}-${part}`, `${start}_${part}`]);
  return names.flatMap((one) => [one, one.toUpperCase(), one.replaceAll(/\b[a-z]/g, (c) => c.toUpperCase())]);
}

describe("what the origin is told", () => {
  it("is who was admitted, from where, for which host", () => expect(forwarded({})).toEqual(SAID_BY_US));

  it("names no owner and no scopes where there are none", () => {
    const identity = { ...admitted.identity, owner: null, details: { ...admitted.identity.details!, scopes: [] } };
    const { "rekey-owner": _owner, "rekey-scopes": _scopes, ...rest } = SAID_BY_US;
    expect(
      forwarded({ "rekey-owner": "evil", "rekey-scopes": "all" }, { admitted: { ...admitted, identity } }),
    ).toEqual(rest);
  });

  it("is signed too, where the route asks for it", () => {
    expect(forwarded({}, { admitted: { ...admitted, assertion: "a.b.c" } })).toEqual({
      ...SAID_BY_US,
      "rekey-assertion": "a.b.c",
    });
  });

  it("is nobody on a public path, whatever is sent; and a credential of ours goes no further there either", () => {
    const sent = {
      authorization: `Bearer ${OURS}`,
      "x-api-key": "somebody-elses",
      "rekey-key-id": keyId,
      rekey_owner: "x",
    };
    expect(forwarded(sent, { admitted: null })).toEqual({
      "rekey-request-id": "req_1",
      "x-api-key": "somebody-elses",
      "x-forwarded-for": "203.0.113.7",
      "x-forwarded-host": "api.example",
      "x-forwarded-proto": "https",
    });
    const others = { authorization: "Bearer eyJ.of.a-user", cookie: `a=1; k=${OURS}` };
    expect(forwarded(others, { admitted: null })).toMatchObject({ authorization: others.authorization, cookie: "a=1" });
  });

  it("names no address where nobody can know it", () => {
    const { "x-forwarded-for": _address, ...rest } = SAID_BY_US;
    expect(forwarded({ "x-forwarded-for": "1.1.1.1" }, { clientIp: null })).toEqual(rest);
  });

  it("leaves everything else as it is", () => {
    const usual = {
      accept: "*/*",
      "cf-connecting-ip": "203.0.113.7",
      "content-type": "text/plain",
      cookie: "a=1; b=2",
      "if-none-match": '"x"',
      "x-custom": "1",
      x_custom: "2",
    };
    expect(forwarded(usual)).toEqual({ ...usual, ...SAID_BY_US });
  });
});

describe("A7: nothing a client wrote can be mistaken for what we say", () => {
  const identity = ["rekey-key-id", "rekey-owner", "rekey-key-version", "rekey-scopes", "rekey-request-id"].concat([
    "rekey-assertion",
    "rekey-proxy-token",
    "rekey-hop",
    "rekey-anything-else",
    "rekey-",
  ]);
  const forwarding = [
    "forwarded",
    "x-forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-user",
    "x-real-ip",
    "x-client-ip",
    "client-ip",
    "true-client-ip",
    "x-cluster-client-ip",
    "fastly-client-ip",
    "x-original-url",
    "x-original-uri",
    "x-original-method",
    "x-original-host",
    "x-rewrite-url",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-http-host-override",
    "x-remote-user",
    "x-middleware-subrequest",
    "proxy",
  ];
  const ofOtherGateways = [
    "remote-user",
    "remote-groups",
    "x-remote-group",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-auth-request-access-token",
    "x-consumer-id",
    "x-consumer-username",
    "x-consumer-custom-id",
    "x-credential-identifier",
    "x-goog-authenticated-user-email",
    "x-goog-iap-jwt-assertion",
    "x-ms-client-principal",
    "x-ms-client-principal-name",
    "x-ms-token-aad-id-token",
    "x-ssl-client-cert",
    "x-ssl-client-verify",
    "ssl-client-s-dn",
    "x-client-cert",
    "x-client-cert-chain",
    "x-client-dn",
    "cf-access-jwt-assertion",
    "cf-access-authenticated-user-email",
    "x-amzn-oidc-identity",
    "tailscale-user-login",
    "x-webauth-user",
    "x-pomerium-jwt-assertion",
    "x-forwarded-email",
    "x-forwarded-preferred-username",
  ];
  const spellings = [...identity, ...forwarding, ...ofOtherGateways].flatMap(spellingsOf);

  it(`in any of ${spellings.length} spellings`, () => {
    expect(spellings.filter((name) => !isUnwanted(name))).toEqual([]);
    expect(forwarded(Object.fromEntries(spellings.map((name) => [name, "evil"])))).toEqual(SAID_BY_US);
  });

  it("but for those that a deployment's own gateway sets, in the one spelling that it names", () => {
    const passedHeaders = new Set(["cf-access-jwt-assertion", "x-auth-request-user"]);
    const config = { ownTokens: [], passedHeaders };
    const said = { "cf-access-jwt-assertion": "signed", "x-auth-request-user": "somebody" };
    const madeUp = { cf_access_jwt_assertion: "evil", x_auth_request_user: "evil", "x-remote-user": "evil" };
    expect(forwarded({ ...said, ...madeUp }, { config })).toEqual({ ...SAID_BY_US, ...said });
    const ours = { ownTokens: [], passedHeaders: new Set(["rekey-owner", "x-forwarded-for", "host"]) };
    const evil = { "Rekey-Owner": "evil", rekey_owner: "evil", "X-Forwarded-For": "evil" };
    expect(forwarded(evil, { config: ours })).toEqual(SAID_BY_US);
  });

  it("and no token of the deployment itself, wherever a client put it", () => {
    const sent = { authorization: `Bearer ${TOKEN}`, "x-anything": `a ${TOKEN}; b`, cookie: `a=1; t=${TOKEN}; b=2` };
    expect(forwarded(sent)).toEqual({ ...SAID_BY_US, cookie: "a=1; b=2" });
    const almost = { "x-anything": `${TOKEN}x`, "x-other": TOKEN.slice(1) };
    expect(forwarded(almost)).toEqual({ ...SAID_BY_US, ...almost });
  });

  it("nor for what Cloudflare says, by writing _ for -", () => {
    expect(forwarded({ cf_connecting_ip: "1.1.1.1", CF_Connecting_IP: "1.1.1.1" })).toEqual(SAID_BY_US);
  });

  it.each(["x-forward", "rekeyed", "x-rekey-key-id", "x-original", "hostname", "user-agent", "x-request-id"])(
    "%s is nobody's business",
    (name) => expect(isUnwanted(name)).toBe(false),
  );
});

describe("A8: headers for one connection go no further", () => {
  it.each([
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "content-length",
    "proxy-authorization",
    "proxy-authenticate",
    "proxy-connection",
    "http2-settings",
  ])("%s", (name) => {
    for (const spelling of spellingsOf(name)) expect(forwarded({ [spelling]: "x" })).toEqual(SAID_BY_US);
  });

  it("nor do those that Connection names", () => {
    const headers = { connection: "close, X-Mine ,x-other", "x-mine": "1", "x-other": "2", "x-kept": "3" };
    expect(forwarded(headers)).toEqual({ "x-kept": "3", ...SAID_BY_US });
  });

  it("but Connection takes away neither identity nor what Cloudflare says", () => {
    const named = [...Object.keys(SAID_BY_US), "cf-connecting-ip", "CF-Ray"].join(", ");
    const cloudflares = { "cf-connecting-ip": "203.0.113.7", "cf-ray": "1" };
    expect(forwarded({ connection: named, ...cloudflares })).toEqual({ ...cloudflares, ...SAID_BY_US });
  });

  it.each(["", ",", "a b", "é", "x:y", '"x"'])("and no Connection can do harm: %j", (connection) => {
    expect(forwarded({ connection, "x-kept": "3" })).toEqual({ "x-kept": "3", ...SAID_BY_US });
  });
});

describe("A4: no credential of ours travels on", () => {
  it.each([
    ["authorization", `Bearer ${OURS}`],
    ["x-api-key", OURS],
    ["authorization", `Bearer ${OTHER}`],
    ["authorization", `Token ${OTHER}`],
    ["x-api-key", OTHER],
    ["referer", `https://app.example/?key=${OURS}`],
    ["x-auth-token", OURS],
    ["x-custom", `prefix${OURS}suffix`],
    ["cookie", `key=${OURS}`],
    ["cookie", `key="${OTHER}"`],
  ])("%s: %s", (name, value) => expect(forwarded({ [name]: value })).toEqual(SAID_BY_US));

  it.each([
    [`a=1; key=${OURS}; b=2`, "a=1; b=2"],
    [`key=${OTHER}; b=2`, "b=2"],
    [`a=1, key=${OURS}`, "a=1"],
    [`a=1; b=2; k2=${OURS}; key=${OTHER}`, "a=1; b=2"],
  ])("the other cookies stay: %s", (cookie, kept) => {
    expect(forwarded({ cookie })).toEqual({ cookie: kept, ...SAID_BY_US });
  });

  it.each([
    { authorization: "Bearer eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2ln" },
    { authorization: "Basic dTpw" },
    { "x-api-key": "somebody-elses" },
    { cookie: `session=${"a".repeat(80)};x=1` },
  ])("what is not ours is left alone: %j", (headers) => {
    expect(forwarded(headers as Record<string, string>)).toEqual({ ...headers, ...SAID_BY_US });
  });
});

describe("A12, A13: the frame of a request", () => {
  const framing = (method: string, headers: Record<string, string>, body: unknown = {}) =>
    faultOfFraming({ method, headers: new Headers(headers), body });
  const withLength = (length: number) => framing("GET", { a: "x".repeat(length - 1) }, null);

  it("has room for 32 KiB of headers and not one character more", () => {
    expect(MAX_HEADER_LENGTH).toBe(32_768);
    expect(withLength(32_768)).toBeNull();
    expect(withLength(32_769)?.code).toBe("header-too-large");
  });

  it.each([
    [{}, null],
    [{ "content-length": "0" }, null],
    [{ "content-length": "67108864" }, null],
    [{ "transfer-encoding": "chunked" }, null],
    [{ "transfer-encoding": "Chunked" }, null],
    [{ "transfer-encoding": "gzip, chunked" }, "invalid-request"],
    [{ "transfer-encoding": "chunked, chunked" }, "invalid-request"],
    [{ "transfer-encoding": "identity" }, "invalid-request"],
    [{ "content-length": "5", "transfer-encoding": "chunked" }, "invalid-request"],
    [{ "content-length": "5, 6" }, "invalid-request"],
    [{ "content-length": "5, 5" }, "invalid-request"],
    [{ "content-length": "-1" }, "invalid-request"],
    [{ "content-length": "+1" }, "invalid-request"],
    [{ "content-length": "0x10" }, "invalid-request"],
    [{ "content-length": "" }, "invalid-request"],
    [{ "content-length": "99999999999999999999" }, "invalid-request"],
  ])("%j: %s", (headers, code) => {
    expect(framing("POST", headers as Record<string, string>)?.code ?? null).toBe(code);
  });

  it.each(["GET", "HEAD"])("a %s may have a body of known length, no other", (method) => {
    expect(framing(method, {}, null)).toBeNull();
    expect(framing(method, { "content-length": "5" })).toBeNull();
    expect(framing(method, { "content-length": "0" })).toBeNull();
    expect(framing(method, { "transfer-encoding": "chunked" })?.code).toBe("invalid-request");
    expect(framing(method, {})?.code).toBe("invalid-request");
  });
});

describe("A15: no shared cache may keep an answer", () => {
  it.each([
    [null, "private"],
    ["", "private"],
    ["public", "private"],
    ["public, max-age=60", "private, max-age=60"],
    ["PUBLIC,S-MaxAge=60", "private"],
    ["max-age=60, s-maxage=600, stale-while-revalidate=30", "private, max-age=60, stale-while-revalidate=30"],
    ["no-store", "private, no-store"],
    ["no-cache, must-revalidate", "private, no-cache, must-revalidate"],
    ["private", "private"],
    ["private, max-age=60", "private, max-age=60"],
    ['private="set-cookie, x-a", max-age=60', "private, max-age=60"],
    ['no-cache="set-cookie, public", immutable', 'private, no-cache="set-cookie, public", immutable'],
    ["proxy-revalidate, must-understand, no-transform", "private, no-transform"],
    ["public = 1", "private"],
    ["publicity=1", "private, publicity=1"],
    ['a="b\\", public"', 'private, a="b\\", public"'],
    ['max-age=60, a="no end', "private, no-store"],
    ['"', "private, no-store"],
    [",, ,", "private"],
  ])("%j becomes %j", (value, expected) => expect(privateCacheControl(value)).toBe(expected));

  function passedOn(headers: Record<string, string>) {
    const rewritten = new Headers(headers);
    rewriteResponseHeaders(rewritten);
    return Object.fromEntries(rewritten);
  }
  const PRIVATE = { "cache-control": "private", vary: "Authorization, X-API-Key" };

  it.each([
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
    "vercel-cdn-cache-control",
    "akamai-cache-control",
    "surrogate-control",
    "edge-control",
    "x-accel-expires",
  ])("%s says nothing to anybody", (name) => expect(passedOn({ [name]: "max-age=60" })).toEqual(PRIVATE));

  it("adds what the answer depends on to what the origin says it does", () => {
    expect(passedOn({ vary: "Accept-Encoding" })).toEqual({
      ...PRIVATE,
      vary: "Accept-Encoding, Authorization, X-API-Key",
    });
    expect(passedOn({ vary: "*" })).toEqual({ ...PRIVATE, vary: "*" });
  });

  it("lets no origin speak for the gateway", () => {
    expect(passedOn({ "rekey-decision": "9.9", "rekey-request-id": "x", "Rekey-Anything": "x" })).toEqual(PRIVATE);
  });

  it("passes on what is for the client, nothing that is for one connection", () => {
    const kept = { "content-type": "text/plain", etag: '"1"', expires: "0", location: "/x", "retry-after": "3" };
    expect(
      passedOn({ ...kept, connection: "close", "keep-alive": "timeout=5", "transfer-encoding": "chunked" }),
    ).toEqual({
      ...kept,
      ...PRIVATE,
    });
  });
});

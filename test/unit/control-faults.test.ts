import { describe, expect, it } from "vitest";
import { judge } from "../../src/control/faults.ts";
import { amendKey } from "../../src/control/operations/amend-key.ts";
import { createKey } from "../../src/control/operations/create-key.ts";
import { listKeys } from "../../src/control/operations/list-keys.ts";
import { rotateKey } from "../../src/control/operations/rotate-key.ts";
import { settleReservation } from "../../src/control/operations/settle-reservation.ts";
import { verifyKey } from "../../src/control/operations/verify-key.ts";
import { readQuery } from "../../src/control/read-query.ts";
import { BOUNDS } from "../../src/key/policy.ts";

type Schema = Parameters<typeof judge>[0];

/** What is wrong with a value, as `path message` lines; empty if nothing is. */
function faults(schema: Schema, value: unknown): string[] {
  const judged = judge(schema, value);
  return judged.ok ? [] : judged.faults.map(({ path, message }) => `${path}: ${message}`);
}

const create = createKey.body!;
const amend = amendKey.body!;
const rotate = rotateKey.body!;
const settle = settleReservation.body!;
const verify = verifyKey.body!;
const list = listKeys.query!;

const aLimit = (changes: object = {}) => ({
  name: "burst",
  algorithm: "window",
  limit: 5,
  windowSeconds: 60,
  ...changes,
});

describe("a create that is wrong in every field", () => {
  it("is told everything at once", () => {
    const body = {
      name: "",
      owner: "a b",
      kind: "robot",
      prefix: "Rk",
      region: "moon",
      lifetimeSeconds: 0,
      expiresAt: "2020-01-01T00:00:00Z",
      scopes: ["a b", "ok", 3],
      allowedIps: [],
      quota: { limit: 0, period: "decade", timezone: "+01:00", refill: "add", max: 1 },
      rateLimits: [
        aLimit({ name: "quota" }),
        aLimit({ algorithm: "leaky", limit: 1.5, windowSeconds: 0, unit: "byte", burst: 0 }),
        aLimit(),
        7,
      ],
      selfRotate: "yes",
      metadata: [],
      rotation: { afterUses: 0, mode: "sometimes", graceSeconds: -1 },
      maxConcurrent: 0,
      maxLifetimeSeconds: 1,
      idleSeconds: 0,
      reserveSeconds: 0,
      onReservationTimeout: "forget",
      color: "red",
    };
    expect(faults(create, body)).toEqual([
      "name: must not be empty",
      "owner: must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ -",
      'kind: must be one of: "token", "session"',
      "prefix: must be a letter and up to 19 of a-z, 0-9 and _",
      'region: must be one of: "wnam", "enam", "weur", "eeur", "apac", "oc", "afr", "me", "sam"',
      "lifetimeSeconds: must be at least 1",
      "idleSeconds: must be at least 1",
      "scopes[0]: must be segments of A-Z a-z 0-9 . _ - or *, joined by :, at most 128 characters",
      "scopes[2]: must be a string",
      "allowedIps: must not be empty: null allows every address",
      "quota.limit: must be at least 1",
      'quota.period: must be one of: "none", "hour", "day", "week", "month", or {everySeconds, anchor}',
      "quota.timezone: must be the IANA name of a time zone, like UTC or Europe/Berlin",
      "quota.max: is not known here",
      'quota.cap: is needed with refill "add", and has no meaning without it',
      'rateLimits[0].name: must not be "quota"',
      'rateLimits[1].algorithm: must be one of: "window", "sliding", "bucket"',
      "rateLimits[1].limit: must be a whole number",
      "rateLimits[1].windowSeconds: must be at least 1",
      'rateLimits[1].unit: must be one of: "request", "cost"',
      "rateLimits[1].burst: must be at least 1",
      'rateLimits[1].burst: has no meaning without the algorithm "bucket"',
      "rateLimits[3]: must be an object",
      "rateLimits: must have names that differ",
      "rotation.afterUses: must be at least 1",
      'rotation.mode: must be one of: "require", "issue"',
      "rotation.graceSeconds: must be at least 0",
      "maxConcurrent: must be at least 1",
      "reserveSeconds: must be at least 1",
      'onReservationTimeout: must be one of: "charge", "release"',
      "selfRotate: must be true or false",
      "metadata: must be an object",
      "color: is not known here",
      "lifetimeSeconds: must not be given together with expiresAt",
      "maxLifetimeSeconds: is for sessions only: a token's end is fixed anyway",
      "expiresAt: must be in the future",
    ]);
  });

  it.each([
    ["a list", []],
    ["a string", "x"],
    ["a number", 1],
    ["null", null],
  ])("is told so when the body is %s", (_name, body) => {
    expect(faults(create, body)).toEqual([": must be an object"]);
  });

  it("is told what is missing", () => {
    expect(faults(create, { quota: {}, rateLimits: [{}] })).toEqual([
      "name: is required",
      "quota.limit: is required",
      "quota.period: is required",
      "rateLimits[0].name: is required",
      "rateLimits[0].algorithm: is required",
      "rateLimits[0].limit: is required",
      "rateLimits[0].windowSeconds: is required",
    ]);
  });

  it.each([
    ["owner", 1, "must be a string"],
    ["scopes", "a", "must be a list"],
    ["scopes", null, "must be a list"],
    ["allowedIps", "10.0.0.1", "must be a list"],
    ["rateLimits", {}, "must be a list"],
    ["quota", [], "must be an object"],
    ["lifetimeSeconds", "60", "must be a number"],
    ["expiresAt", 1_900_000_000_000, "must be a time as in RFC 3339, like 2030-01-31T12:00:00Z"],
    ["selfRotate", null, "must be true or false"],
    ["metadata", null, "must be an object"],
    ["metadata", "x", "must be an object"],
  ])("is told which type %s has to have", (field, value, message) => {
    expect(faults(create, { name: "a", [field]: value })).toEqual([`${field}: ${message}`]);
  });
});

describe("a create within bounds", () => {
  it("needs a name and nothing else", () => {
    expect(judge(create, { name: "a" })).toEqual({
      ok: true,
      value: {
        name: "a",
        owner: null,
        kind: "token",
        environment: "live",
        expiresAt: null,
        scopes: [],
        allowedIps: null,
        quota: null,
        rateLimits: [],
        rotation: null,
        maxConcurrent: null,
        maxLifetimeSeconds: null,
        idleSeconds: null,
        reserveSeconds: 300,
        onReservationTimeout: "charge",
        selfRotate: true,
        suspicion: null,
        metadata: {},
        boundary: null,
      },
    });
  });

  it("means the same by null as by absence where a record may hold null", () => {
    const absent = judge(create, { name: "a" });
    expect(judge(create, { name: "a", owner: null, expiresAt: null, allowedIps: null, quota: null })).toEqual(absent);
  });
});

/** An object with so many distinct labels that its JSON has exactly `bytes` bytes. */
const metadataOf = (bytes: number) => ({ a: "x".repeat(bytes - JSON.stringify({ a: "" }).length) });
/** Objects and lists in turn, so many deep. */
const nested = (levels: number): object =>
  levels === 1 ? {} : levels % 2 === 0 ? { a: nested(levels - 1) } : [nested(levels - 1)];
const times = <T>(count: number, item: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => item(at));
const inYears = (years: number) => new Date(Date.now() + years * 365 * 86_400_000).toISOString();

const anEvenQuota = (period: object) => ({
  name: "a",
  quota: { limit: 1, period: { everySeconds: 60, anchor: "2026-01-01T00:00:00Z", ...period } },
});

describe("every bound holds on the value itself and not one further", () => {
  // prettier-ignore
  it.each<[string, Schema, (value: never) => object, unknown, unknown]>([
    ["name, least", create, (name) => ({ name }), "a", ""],
    ["name, most", create, (name) => ({ name }), "a".repeat(BOUNDS.nameLength), "a".repeat(BOUNDS.nameLength + 1)],
    [
      "name, in code points",
      create,
      (name) => ({ name }),
      "🔑".repeat(BOUNDS.nameLength),
      "🔑".repeat(BOUNDS.nameLength + 1),
    ],
    ["name, control characters", create, (name) => ({ name }), "a ü 鍵 🔑", "a\nb"],
    ["name, half a surrogate pair", create, (name) => ({ name }), "🔑", "\ud83d"],
    ["owner, most", create, (owner) => ({ name: "a", owner }), "o".repeat(128), "o".repeat(129)],
    ["owner, least", create, (owner) => ({ name: "a", owner }), "o", ""],
    ["prefix, most", create, (prefix) => ({ name: "a", prefix }), "p".repeat(20), "p".repeat(21)],
    ["lifetimeSeconds, least", create, (lifetimeSeconds) => ({ name: "a", lifetimeSeconds }), 1, 0],
    [
      "lifetimeSeconds, most",
      create,
      (lifetimeSeconds) => ({ name: "a", lifetimeSeconds }),
      BOUNDS.lifetimeSeconds,
      BOUNDS.lifetimeSeconds + 1,
    ],
    ["lifetimeSeconds, whole", create, (lifetimeSeconds) => ({ name: "a", lifetimeSeconds }), 2, 1.5],
    ["expiresAt", create, (expiresAt) => ({ name: "a", expiresAt }), inYears(1), inYears(-1)],
    [
      "expiresAt, a real day",
      create,
      (expiresAt) => ({ name: "a", expiresAt }),
      "2096-02-29T00:00:00Z",
      "2097-02-29T00:00:00Z",
    ],
    [
      "expiresAt, a zone",
      create,
      (expiresAt) => ({ name: "a", expiresAt }),
      "2096-01-01T00:00:00+02:00",
      "2096-01-01T00:00:00",
    ],
    [
      "scopes",
      create,
      (scopes) => ({ name: "a", scopes }),
      times(BOUNDS.scopes, () => "a"),
      times(BOUNDS.scopes + 1, () => "a"),
    ],
    ["scope, most", create, (scope) => ({ name: "a", scopes: [scope] }), "s".repeat(128), "s".repeat(129)],
    ["scope, wildcard", create, (scope) => ({ name: "a", scopes: [scope] }), "orders:*", "orders:re*"],
    [
      "allowedIps, most",
      create,
      (allowedIps) => ({ name: "a", allowedIps }),
      times(BOUNDS.allowedIps, (at) => `10.0.0.${at}`),
      times(BOUNDS.allowedIps + 1, (at) => `10.0.0.${at}`),
    ],
    ["allowedIps, least", create, (allowedIps) => ({ name: "a", allowedIps }), ["::/0"], []],
    ["allowedIps, a network", create, (ip) => ({ name: "a", allowedIps: [ip] }), "10.0.0.0/8", "10.0.0.1/8"],
    [
      "rateLimits, most",
      create,
      (rateLimits) => ({ name: "a", rateLimits }),
      times(BOUNDS.rateLimits, (at) => aLimit({ name: `limit-${at}` })),
      times(BOUNDS.rateLimits + 1, (at) => aLimit({ name: `limit-${at}` })),
    ],
    [
      "rate limit, names",
      create,
      (name) => ({ name: "a", rateLimits: [aLimit(), aLimit({ name })] }),
      "other",
      "burst",
    ],
    ["rate limit, name", create, (name) => ({ name: "a", rateLimits: [aLimit({ name })] }), "quotas", "quota"],
    ["rate limit, least", create, (limit) => ({ name: "a", rateLimits: [aLimit({ limit })] }), 1, 0],
    [
      "rate limit, most",
      create,
      (limit) => ({ name: "a", rateLimits: [aLimit({ limit })] }),
      BOUNDS.limit,
      BOUNDS.limit + 1,
    ],
    ["window, least", create, (windowSeconds) => ({ name: "a", rateLimits: [aLimit({ windowSeconds })] }), 1, 0],
    [
      "window, most",
      create,
      (windowSeconds) => ({ name: "a", rateLimits: [aLimit({ windowSeconds })] }),
      BOUNDS.windowSeconds,
      BOUNDS.windowSeconds + 1,
    ],
    ["quota, least", create, (limit) => ({ name: "a", quota: { limit, period: "day" } }), 1, 0],
    [
      "quota, most",
      create,
      (limit) => ({ name: "a", quota: { limit, period: "day" } }),
      BOUNDS.limit,
      BOUNDS.limit + 1,
    ],
    [
      "metadata, most",
      create,
      (metadata) => ({ name: "a", metadata }),
      metadataOf(BOUNDS.metadataBytes),
      metadataOf(BOUNDS.metadataBytes + 1),
    ],
    [
      "metadata, bytes and not characters",
      create,
      (a) => ({ name: "a", metadata: { a } }),
      "ü".repeat(2_000),
      "ü".repeat(2_048),
    ],
    [
      "metadata, depth",
      create,
      (metadata) => ({ name: "a", metadata }),
      nested(BOUNDS.metadataDepth),
      nested(BOUNDS.metadataDepth + 2),
    ],
    ["expectedVersion, least", rotate, (expectedVersion) => ({ expectedVersion }), 1, 0],
    ["graceSeconds, least", rotate, (graceSeconds) => ({ graceSeconds }), 0, -1],
    ["graceSeconds, most", rotate, (graceSeconds) => ({ graceSeconds }), BOUNDS.graceSeconds, BOUNDS.graceSeconds + 1],
    [
      "reason, most",
      rotate,
      (reason) => ({ reason }),
      "r".repeat(BOUNDS.reasonLength),
      "r".repeat(BOUNDS.reasonLength + 1),
    ],
    ["quota, zone", create, (timezone) => ({ name: "a", quota: { limit: 1, period: "day", timezone } }), "Asia/Tokyo", "Asia/Atlantis"],
    ["quota, cap", create, (cap) => ({ name: "a", quota: { limit: 5, period: "day", refill: "add", cap } }), 5, 4],
    ["quota, a cap where something is carried over", create, (refill) => ({ name: "a", quota: { limit: 5, period: "day", refill, cap: 9 } }), "add", "reset"],
    ["quota, a balance carries nothing over", create, (period) => ({ name: "a", quota: { limit: 5, period, refill: "add", cap: 9 } }), "hour", "none"],
    ["quota, least length of a period", create, (everySeconds) => anEvenQuota({ everySeconds }), 1, 0],
    ["quota, greatest length of a period", create, (everySeconds) => anEvenQuota({ everySeconds }), BOUNDS.everySeconds, BOUNDS.everySeconds + 1],
    ["quota, anchor", create, (anchor) => anEvenQuota({ anchor }), "1999-12-31T23:59:59.999Z", "yesterday"],
    ["sliding limits, in sum", create, (limit) => ({ name: "a", rateLimits: [aLimit({ algorithm: "sliding", limit: 600 }), aLimit({ algorithm: "sliding", name: "other", limit })] }), 400, 401],
    ["sliding limits, each", create, (limit) => ({ name: "a", rateLimits: [aLimit({ algorithm: "sliding", limit })] }), 1_000, 1_001],
    ["bucket, ticks", create, (burst) => ({ name: "a", rateLimits: [aLimit({ algorithm: "bucket", burst, windowSeconds: 31_622_400 })] }), 284_836, 284_837],
    ["bucket, ticks of a burst that is not said", create, (limit) => ({ name: "a", rateLimits: [aLimit({ algorithm: "bucket", limit, windowSeconds: 31_622_400 })] }), 284_836, 284_837],
    ["bucket, burst", create, (burst) => ({ name: "a", rateLimits: [aLimit({ algorithm: "bucket", burst })] }), 1, 0],
    ["burst, of buckets only", create, (algorithm) => ({ name: "a", rateLimits: [aLimit({ algorithm, burst: 9 })] }), "bucket", "sliding"],
    ["rotation, afterUses", create, (afterUses) => ({ name: "a", rotation: { afterUses } }), 1, 0],
    ["rotation, afterSeconds", create, (afterSeconds) => ({ name: "a", rotation: { afterSeconds } }), 1, 0],
    ["rotation, one of the two", create, (afterUses) => ({ name: "a", rotation: { afterUses } }), 1, null],
    ["rotation, grace with issue", create, (graceSeconds) => ({ name: "a", rotation: { afterUses: 1, mode: "issue", graceSeconds } }), 60, 59],
    ["rotation, grace with issue that is not said", create, (mode) => ({ name: "a", rotation: { afterUses: 1, mode } }), "require", "issue"],
    ["maxConcurrent, least", create, (maxConcurrent) => ({ name: "a", maxConcurrent }), 1, 0],
    ["maxConcurrent, most", create, (maxConcurrent) => ({ name: "a", maxConcurrent }), 10_000, 10_001],
    ["idleSeconds", create, (idleSeconds) => ({ name: "a", idleSeconds }), 1, 0],
    ["reserveSeconds, least", create, (reserveSeconds) => ({ name: "a", reserveSeconds }), 1, 0],
    ["reserveSeconds, most", create, (reserveSeconds) => ({ name: "a", reserveSeconds }), 86_400, 86_401],
    ["session, life", create, (lifetimeSeconds) => ({ name: "a", kind: "session", lifetimeSeconds }), 3_601, 3_600],
    ["session, life that is not said", create, (kind) => ({ name: "a", kind }), "token", "session"],
    ["session, cap", create, (maxLifetimeSeconds) => ({ name: "a", kind: "session", lifetimeSeconds: 7_200, maxLifetimeSeconds }), 7_200, 7_199],
    ["session, a cap of its own only", create, (kind) => ({ name: "a", kind, lifetimeSeconds: 7_200, maxLifetimeSeconds: 9_999 }), "session", "token"],
    ["amendment, rotation", amend, (rotation) => ({ rotation }), null, {}],
    ["amendment, maxConcurrent", amend, (maxConcurrent) => ({ maxConcurrent }), null, 0],
    ["amendment, quota", amend, (period) => ({ quota: { limit: 1, period } }), "week", "year"],
    ["amendment, what is not to be changed", amend, (field) => ({ name: "a", ...(field as object) }), {}, { kind: "session" }],
    ["reserve, least", verify, (reserve) => ({ key: "k", reserve }), 0, -1],
    ["reserve, in the place of a cost", verify, (cost) => ({ key: "k", reserve: 1, cost }), undefined, 1],
    ["explain", verify, (explain) => ({ key: "k", explain }), true, 1],
    ["used", settle, (used) => ({ used }), 0, -1],
    ["used, most", settle, (used) => ({ used }), BOUNDS.limit, BOUNDS.limit + 1],
    ["cost, least", verify, (cost) => ({ key: "k", cost }), 0, -1],
    ["cost, most", verify, (cost) => ({ key: "k", cost }), BOUNDS.limit, BOUNDS.limit + 1],
    ["required scope", verify, (scope) => ({ key: "k", scopes: [scope] }), "a:b", "a:*"],
    ["required scopes", verify, (scopes) => ({ key: "k", scopes }), times(64, () => "a"), times(65, () => "a")],
    ["any scope", verify, (scope) => ({ key: "k", anyScope: [scope] }), "a:b", "*"],
    ["ip", verify, (ip) => ({ key: "k", ip }), "2001:db8::1", "10.0.0.1:443"],
    ["request, method", verify, (method) => ({ key: "k", request: { method, path: "/" } }), "GET", "GE T"],
    ["request, path", verify, (path) => ({ key: "k", request: { method: "GET", path } }), "/a?b", "a"],
    ["limit, least", list, (limit) => ({ limit }), "1", "0"],
    ["limit, most", list, (limit) => ({ limit }), "200", "201"],
    ["limit, a number", list, (limit) => ({ limit }), "50", "5e1"],
    ["status", list, (status) => ({ status }), "expired", "dead"],
    ["cursor", list, (cursor) => ({ cursor }), btoa("1.key_0000000000000000"), btoa("1.key_000000000000000")],
  ])("%s", (_name, schema, body, within, beyond) => {
    expect(faults(schema, body(within as never))).toEqual([]);
    expect(faults(schema, body(beyond as never))).toHaveLength(1);
  });
});

describe("hostile JSON", () => {
  it("assigns nothing through __proto__, constructor or prototype, at any depth", () => {
    const body: unknown = JSON.parse(
      `{"name":"a","__proto__":{"selfRotate":false},"constructor":1,
        "quota":{"limit":1,"period":"day","__proto__":{"timezone":"Mars"},"prototype":{}}}`,
    );
    expect(faults(create, body)).toEqual([
      "quota.__proto__: is not known here",
      "quota.prototype: is not known here",
      "__proto__: is not known here",
      "constructor: is not known here",
    ]);
    expect(({} as { selfRotate?: unknown }).selfRotate).toBeUndefined();
  });

  it("takes the last of two members of one name, as JSON.parse does, and judges that one", () => {
    expect(faults(create, JSON.parse('{"name":"a","selfRotate":true,"selfRotate":1}'))).toEqual([
      "selfRotate: must be true or false",
    ]);
  });

  it("survives metadata nested as deep as a body can be", () => {
    const body: unknown = JSON.parse(`{"name":"a","metadata":{"a":${"[".repeat(32_000)}${"]".repeat(32_000)}}}`);
    expect(faults(create, body)).toEqual([`metadata: must be nested at most ${BOUNDS.metadataDepth} deep`]);
  });

  it("never repeats a value: it may be a credential", () => {
    const secret = "rk_live_canary";
    const told = [
      ...faults(verify, { key: [secret], ip: secret, scopes: [`${secret} x`], cost: secret, dryRun: secret }),
      ...faults(create, { name: `\n${secret}`, owner: ` ${secret}`, prefix: secret.toUpperCase(), kind: secret }),
    ];
    expect(told).toHaveLength(9);
    expect(told.join().toLowerCase()).not.toContain("canary");
  });
});

describe("a query", () => {
  it("means one thing: a parameter given twice is a fault, told once", () => {
    const { faults: told } = readQuery("https://rekey.test/x?limit=1&limit=2&limit=3&owner=a");
    expect(told).toEqual([{ path: "limit", message: "is given more than once" }]);
  });

  it("has no parameters but the known ones, not even the names of Object's own", () => {
    const { query } = readQuery("https://rekey.test/x?owner=a&__proto__=b&toString=c&page=2");
    expect(faults(list, query)).toEqual([
      "__proto__: is not known here",
      "toString: is not known here",
      "page: is not known here",
    ]);
  });
});

import { describe, expect, it } from "vitest";
import { configOf, requireConfig, type Env } from "../../src/env.ts";
import { testSecrets } from "../support/settings.ts";

/** An environment with the least that works; a test adds the one setting that matters to it. */
const anEnv = (settings: Partial<Record<keyof Env, string>> = {}): Env =>
  ({ ...testSecrets, ROUTES: "[]", ...settings }) as unknown as Env;

/** What is wrong, as `SETTING: what`. */
const problemsOf = (settings: Partial<Record<keyof Env, string>>): string[] => {
  const reading = configOf(anEnv(settings));
  return reading.ok ? [] : reading.problems.map(({ setting, message }) => `${setting}: ${message}`);
};

const token = "Q0x2b1pXc2V6S3h0Vm9wTWJnUnlJa0FqNWVRN2ZIdEw";
const hex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

describe("a deployment that only has its secrets", () => {
  it("serves with the defaults of the contract", () => {
    const reading = configOf(anEnv());
    expect(reading).toMatchObject({
      ok: true,
      config: {
        mode: "gateway",
        adminTokens: [testSecrets.REKEY_ADMIN_TOKEN],
        originUrl: null,
        credentialHeaders: ["authorization", "x-api-key"],
        keyPrefixes: { live: "rk_live", test: "rk_test" },
        controlHost: null,
        decisionTimeoutMs: 5000,
        ledgerEpoch: "",
        eventsRetentionDays: null,
        sightingsRetentionDays: 90,
        webhookResolver: new URL("https://cloudflare-dns.com/dns-query"),
        webhooksToLoopback: false,
        operators: [],
        controlChangesPerMinute: 120,
      },
    });
  });

  it("is read once: an isolate keeps what it has parsed", () => {
    const env = anEnv();
    expect(configOf(env)).toBe(configOf(env));
    expect(configOf(anEnv())).not.toBe(configOf(env));
  });
});

describe("a good setting", () => {
  const configWith = (settings: Partial<Record<keyof Env, string>>) => requireConfig(anEnv(settings));

  it.each([token, hex, `${hex}00`, `${token}-_`])("may be the admin token %s", (value) => {
    expect(configWith({ REKEY_ADMIN_TOKEN: value }).adminTokens).toEqual([value]);
  });

  it("is a second admin token, while the first is being replaced; empty takes it away again", () => {
    expect(configWith({ REKEY_ADMIN_TOKEN_NEXT: hex }).adminTokens).toEqual([testSecrets.REKEY_ADMIN_TOKEN, hex]);
    expect(configWith({ REKEY_ADMIN_TOKEN_NEXT: "" }).adminTokens).toEqual([testSecrets.REKEY_ADMIN_TOKEN]);
  });

  it("is a list of operators, each with a token of its own, or two while one replaces the other", () => {
    const config = configWith({ REKEY_OPERATORS: `alice:${token}, ci:${hex},alice:${hex}00` });
    expect(config.operators).toEqual([
      { name: "alice", token },
      { name: "ci", token: hex },
      { name: "alice", token: `${hex}00` },
    ]);
    expect(config.adminTokens).toEqual([testSecrets.REKEY_ADMIN_TOKEN, token, hex, `${hex}00`]);
    expect(configWith({}).operators).toEqual([]);
  });

  it("is a list of peppers, of which the last one signs unless another is named", () => {
    const peppers = `a:${token}, b:${hex}`;
    expect(configWith({ REKEY_PEPPERS: peppers }).peppers.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(configWith({ REKEY_PEPPERS: peppers }).signingPepper.id).toBe("b");
    expect(configWith({ REKEY_PEPPERS: peppers, REKEY_SIGNING_PEPPER: "a" }).signingPepper.id).toBe("a");
  });

  it.each([
    ["control.example", "control.example"],
    ["Control.Example", "control.example"],
    ["127.0.0.1:8787", "127.0.0.1:8787"],
    ["[::1]:8787", "[::1]:8787"],
    ["", null],
  ])("is the one host of the control API: %s", (value, host) => {
    expect(configWith({ CONTROL_HOST: value }).controlHost).toBe(host);
  });

  it("is one header, where there would be two", () => {
    expect(configWith({ CREDENTIAL_HEADER: "x-api-key" }).credentialHeaders).toEqual(["x-api-key"]);
  });

  it.each(["https://api.example.com", "https://api.example.com/base", "http://127.0.0.1:9000", "http://localhost:80"])(
    "may be the origin %s",
    (origin) => {
      expect(configWith({ ORIGIN_URL: origin }).originUrl).toEqual(new URL(origin));
    },
  );

  it.each(["50", "60000"])("may be a deadline of %s ms", (ms) => {
    expect(configWith({ DECISION_TIMEOUT_MS: ms }).decisionTimeoutMs).toBe(Number(ms));
  });
});

describe("a bad setting is named", () => {
  it.each<[setting: keyof Env, value: string, message: RegExp]>([
    ["REKEY_ADMIN_TOKEN", "", /not set/],
    ["REKEY_ADMIN_TOKEN", token.slice(1), /at least 43/],
    ["REKEY_ADMIN_TOKEN", hex.slice(1), /64 hex/],
    ["REKEY_ADMIN_TOKEN", ` ${token}`, /at least 43/],
    ["REKEY_ADMIN_TOKEN", `${token}!`, /at least 43/],
    ["REKEY_ADMIN_TOKEN", "a".repeat(64), /placeholder/],
    ["REKEY_ADMIN_TOKEN", "changeme".repeat(8), /placeholder/],
    ["REKEY_ADMIN_TOKEN", `your-token-${token}`, /placeholder/],
    ["REKEY_ADMIN_TOKEN", `CHANGE_ME_${token}`, /placeholder/],
    ["REKEY_ADMIN_TOKEN_NEXT", "short", /at least 43/],
    ["REKEY_OPERATORS", "alice", /must be a list like alice:<token>/],
    ["REKEY_OPERATORS", `Alice:${hex}`, /each name a small letter/],
    ["REKEY_OPERATORS", `:${hex}`, /each name a small letter/],
    ["REKEY_OPERATORS", `key_0000000000000000 :${hex}`, /each name a small letter/],
    ["REKEY_OPERATORS", `alice\n:${hex}`, /each name a small letter/],
    ["REKEY_OPERATORS", `${"a".repeat(33)}:${hex}`, /each name a small letter/],
    ["REKEY_OPERATORS", `alice:${hex},`, /must be a list like/],
    ["REKEY_OPERATORS", "alice:short", /has for "alice" a token that must be at least 43/],
    ["REKEY_OPERATORS", `alice:${hex},ci:${"0".repeat(64)}`, /has for "ci" a token that looks like a placeholder/],
    ["REKEY_OPERATORS", `a:${hex}1,a:${hex}2,a:${hex}3`, /lists "a" three times/],
    ["CONTROL_CHANGES_PER_MINUTE", "0", /whole number from 1/],
    ["CONTROL_CHANGES_PER_MINUTE", "many", /whole number from 1/],
    ["REKEY_ADMIN_TOKEN_NEXT", "0".repeat(64), /placeholder/],
    ["REKEY_PEPPERS", "", /not set/],
    ["REKEY_PEPPERS", token, /list like/],
    ["REKEY_PEPPERS", `a:${token.slice(1)}`, /list like/],
    ["REKEY_PEPPERS", `a:${hex.slice(1)}`, /list like|64 hex/],
    ["REKEY_PEPPERS", `aa:${token}`, /list like/],
    ["REKEY_PEPPERS", `-:${token}`, /list like/],
    ["REKEY_PEPPERS", `a:${token},`, /list like/],
    ["REKEY_PEPPERS", `a:${token},a:${hex}`, /"a" twice/],
    ["REKEY_PEPPERS", `a:${"x".repeat(43)}`, /"a" that looks like a placeholder/],
    ["REKEY_SIGNING_PEPPER", "z", /does not list/],
    ["MODE", "proxy", /one of: gateway, verify/],
    ["MODE", "Gateway", /one of: gateway, verify/],
    ["WEBHOOK_RESOLVER", "dns.example.com", /not a URL/],
    ["WEBHOOK_RESOLVER", "http://dns.example.com/dns-query", /must be https/],
    ["WEBHOOKS_TO_LOOPBACK", "true", /must be one of: refuse, allow/],
    ["ORIGIN_URL", "api.example.com", /not a URL/],
    ["ORIGIN_URL", "http://api.example.com", /must be https/],
    ["ORIGIN_URL", "http://127.0.0.1.example.com", /must be https/],
    ["ORIGIN_URL", "ftp://api.example.com", /must be https/],
    ["ORIGIN_URL", "https://user:secret@api.example.com", /no credentials/],
    ["ORIGIN_URL", "https://api.example.com/?key=1", /no credentials, query or fragment/],
    ["ORIGIN_URL", "https://api.example.com/#top", /no credentials, query or fragment/],
    ["CONTROL_HOST", "https://control.example", /one host/],
    ["CONTROL_HOST", "control.example/_rekey", /one host/],
    ["CONTROL_HOST", "control.example:443", /one host/],
    ["CONTROL_HOST", "a b", /one host/],
    ["CONTROL_HOST", "user@control.example", /one host/],
    ["CREDENTIAL_HEADER", "cookie", /one of: authorization, x-api-key/],
    ["CREDENTIAL_HEADER", "Authorization", /one of: authorization, x-api-key/],
    ["KEY_PREFIX", "RK", /a letter and up to 19/],
    ["KEY_PREFIX", "a12345678901234567890", /a letter and up to 19/],
    ["KEY_PREFIX", "rk-live", /a letter and up to 19/],
    ["DECISION_TIMEOUT_MS", "49", /from 50 to 60000/],
    ["DECISION_TIMEOUT_MS", "60001", /from 50 to 60000/],
    ["DECISION_TIMEOUT_MS", "5s", /from 50 to 60000/],
    ["DECISION_TIMEOUT_MS", "1e3", /from 50 to 60000/],
    ["DECISION_TIMEOUT_MS", "-5000", /from 50 to 60000/],
    ["DECISION_TIMEOUT_MS", "500.5", /from 50 to 60000/],
    ["ORIGIN_TIMEOUT_MS", "49", /from 50 to 600000/],
    ["ORIGIN_TIMEOUT_MS", "600001", /from 50 to 600000/],
    ["REKEY_PROXY_TOKEN", "short", /at least 43/],
    ["REKEY_PROXY_TOKEN", "0".repeat(64), /placeholder/],
    ["REKEY_ASSERTION_KEY", "{", /Ed25519 private key/],
    ["REKEY_ASSERTION_KEY", "{}", /Ed25519 private key/],
    ["REKEY_ASSERTION_KEY", '{"keys":[]}', /Ed25519 private key/],
    ["REKEY_ASSERTION_KEY", `{"keys":[${testSecrets.REKEY_ASSERTION_KEY},null]}`, /Ed25519 private key/],
    ["REKEY_ASSERTION_KEY", testSecrets.REKEY_ASSERTION_KEY.replace('"d"', '"e"'), /Ed25519 private key/],
    ["REKEY_ASSERTION_KEY", testSecrets.REKEY_ASSERTION_KEY.replace("Ed25519", "X25519"), /Ed25519 private key/],
    [
      "REKEY_ASSERTION_KEY",
      JSON.stringify({ ...JSON.parse(testSecrets.REKEY_ASSERTION_KEY), x: "A".repeat(43) }),
      /public part \(x\)/,
    ],
  ])("%s = %j", (setting, value, message) => {
    const problems = problemsOf({ [setting]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${setting}: .*(?:${message.source})`));
  });

  it("if a rule asks for an assertion and there is no key to sign it", () => {
    const problems = problemsOf({ REKEY_ASSERTION_KEY: "", ROUTES: '[{"path":"/a","assertion":true}]' });
    expect(problems).toEqual(["REKEY_ASSERTION_KEY: is not set, but a rule of ROUTES asks for assertions"]);
    expect(problemsOf({ REKEY_ASSERTION_KEY: "", ROUTES: '[{"path":"/a"}]' })).toEqual([]);
  });

  const proxy = "Pr0xy-token_of-256-bits_0123456789abcdefghijklm";
  it.each<[string, string, Partial<Record<keyof Env, string>>]>([
    ["REKEY_ADMIN_TOKEN_NEXT", "REKEY_ADMIN_TOKEN", { REKEY_ADMIN_TOKEN: token, REKEY_ADMIN_TOKEN_NEXT: token }],
    ["REKEY_OPERATORS", "REKEY_ADMIN_TOKEN", { REKEY_ADMIN_TOKEN: token, REKEY_OPERATORS: `alice:${token}` }],
    ["REKEY_OPERATORS", "twice", { REKEY_OPERATORS: `alice:${token},ci:${token}` }],
    ["REKEY_OPERATORS", "twice", { REKEY_OPERATORS: `alice:${token},alice:${token}` }],
    ["REKEY_PEPPERS", "REKEY_ADMIN_TOKEN", { REKEY_ADMIN_TOKEN: token, REKEY_PEPPERS: `a:${token}` }],
    ["REKEY_PEPPERS", "REKEY_OPERATORS", { REKEY_OPERATORS: `alice:${token}`, REKEY_PEPPERS: `a:${hex},b:${token}` }],
    ["REKEY_PEPPERS", "twice", { REKEY_PEPPERS: `a:${token}, b:${token}` }],
    ["REKEY_PROXY_TOKEN", "REKEY_ADMIN_TOKEN", { REKEY_ADMIN_TOKEN: proxy, REKEY_PROXY_TOKEN: proxy }],
    ["REKEY_PROXY_TOKEN", "REKEY_ADMIN_TOKEN_NEXT", { REKEY_ADMIN_TOKEN_NEXT: proxy, REKEY_PROXY_TOKEN: proxy }],
    ["REKEY_PROXY_TOKEN", "REKEY_OPERATORS", { REKEY_OPERATORS: `ci:${proxy}`, REKEY_PROXY_TOKEN: proxy }],
    ["REKEY_PROXY_TOKEN", "REKEY_PEPPERS", { REKEY_PEPPERS: `a:${proxy}`, REKEY_PROXY_TOKEN: proxy }],
    [
      "REKEY_PROXY_TOKEN",
      "REKEY_ASSERTION_KEY",
      { REKEY_PROXY_TOKEN: (JSON.parse(testSecrets.REKEY_ASSERTION_KEY) as { d: string }).d },
    ],
  ])("%s if it is a secret that stands elsewhere too (%s)", (setting, where, settings) => {
    const problems = problemsOf(settings);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${setting}: .*${where}`));
    for (const secret of [token, hex, proxy]) expect(problems[0]).not.toContain(secret);
  });

  it("together with every other one, all at once", () => {
    const bad = {
      REKEY_ADMIN_TOKEN: "short",
      REKEY_ADMIN_TOKEN_NEXT: "short",
      REKEY_PEPPERS: "short",
      MODE: "x",
      ORIGIN_URL: "x",
      CREDENTIAL_HEADER: "x",
      KEY_PREFIX: "X",
      DECISION_TIMEOUT_MS: "x",
    };
    expect(problemsOf(bad).map((problem) => problem.split(":")[0])).toEqual(Object.keys(bad));
  });

  it("without its value, which may be a secret mistyped by one character", () => {
    const secret = `${token}!`;
    const reading = configOf(
      anEnv({ REKEY_ADMIN_TOKEN: secret, REKEY_PEPPERS: `a:${secret}`, KEY_PREFIX: secret, ORIGIN_URL: secret }),
    );
    expect(JSON.stringify(reading)).not.toContain(token);
  });

  it("and the object behind the Worker refuses to wake", () => {
    expect(() => requireConfig(anEnv({ REKEY_PEPPERS: "", KEY_PREFIX: "X" }))).toThrow(
      "misconfigured: REKEY_PEPPERS, KEY_PREFIX",
    );
  });
});

import { PREFIX, type Pepper } from "./key/credential.ts";
import type { Environment } from "./key/policy.ts";
import type { Peppers } from "./key/seal.ts";
import { routeTable, UNNAMED, UNNAMED_DENIED, type RouteRule, type RouteTable } from "./routing/rule.ts";
import { readRoutes } from "./routing/setting.ts";
import { didYouMean, nearest } from "./routing/suggest.ts";

/** What wrangler.toml and the secrets hand to the Worker. Nothing in it is trusted before `configOf` has read it. */
export type Env = {
  readonly KEYS: DurableObjectNamespace;
  readonly OWNERS: DurableObjectNamespace;
  readonly WEBHOOKS: DurableObjectNamespace;
  readonly DB: D1Database;
  /** Through it webhooks send, if it is there; otherwise each sends by itself. */
  readonly WEBHOOK_QUEUE?: Queue;
  readonly ORIGIN?: Fetcher;
  readonly REKEY_ADMIN_TOKEN?: string;
  readonly REKEY_ADMIN_TOKEN_NEXT?: string;
  readonly REKEY_OPERATORS?: string;
  readonly REKEY_PEPPERS?: string;
  readonly REKEY_SIGNING_PEPPER?: string;
  readonly REKEY_ASSERTION_KEY?: string;
  readonly REKEY_PROXY_TOKEN?: string;
  readonly FAILURES?: RateLimit;
  readonly ADMIN_FAILURES?: RateLimit;
  readonly ANALYTICS?: AnalyticsEngineDataset;
  readonly MODE?: string;
  readonly ORIGIN_URL?: string;
  readonly CREDENTIAL_HEADER?: string;
  readonly CONTROL_HOST?: string;
  readonly KEY_PREFIX?: string;
  readonly DECISION_TIMEOUT_MS?: string;
  readonly ORIGIN_TIMEOUT_MS?: string;
  readonly LOG_ADMITTED?: string;
  readonly CONTROL_CHANGES_PER_MINUTE?: string;
  readonly LEDGER_EPOCH?: string;
  readonly EVENTS_RETENTION_DAYS?: string;
  readonly SIGHTINGS_RETENTION_DAYS?: string;
  readonly WEBHOOK_RESOLVER?: string;
  readonly WEBHOOKS_TO_LOOPBACK?: string;
  /** A list in wrangler.toml, or its JSON. */
  readonly ROUTES?: unknown;
  readonly ROUTES_DEFAULT?: string;
  readonly PASS_IDENTITY_HEADERS?: string;
  readonly ROUTES_SPELLING?: string;
};

/** The settings, read once per isolate and known to be good. */
export type Config = {
  readonly mode: "gateway" | "verify";
  /** All tokens of the deployment: those that open the control API, and the proxy's. None may travel anywhere. */
  readonly ownTokens: readonly string[];
  /** Identity headers of other gateways that an origin is told all the same, in lower case. */
  readonly passedHeaders: ReadonlySet<string>;
  /** Every token that opens the control API, the operators' too. */
  readonly adminTokens: readonly string[];
  /** Whose token is whose. A name stands twice while its token is being replaced. */
  readonly operators: readonly Operator[];
  /** How many changes a control key may make in a minute. */
  readonly controlChangesPerMinute: number;
  /** All of them verify. */
  readonly peppers: readonly Pepper[];
  /** The one that signs. */
  readonly signingPepper: Pepper;
  /** Where the gateway forwards to; `null` with a service binding, or for the zone's own origin. */
  readonly originUrl: URL | null;
  readonly credentialHeaders: readonly CredentialHeader[];
  /** The only host on which the control API answers; `null`: on every host. */
  readonly controlHost: string | null;
  /** What a key of each environment begins with, if it names nothing else. */
  readonly keyPrefixes: Readonly<Record<Environment, string>>;
  /** How long the Worker waits for a key's object before it answers 503. */
  readonly decisionTimeoutMs: number;
  /** How long the origin may stay silent after it has the whole request. */
  readonly originTimeoutMs: number;
  /** Names the ledger. Under another name every key tells it everything again. */
  readonly ledgerEpoch: string;
  /** The share of admissions that are logged, from 0 to 1. Every refusal is. */
  readonly logAdmitted: number;
  /** How long the ledger keeps events; `null`: for ever. */
  readonly eventsRetentionDays: number | null;
  /** How long it keeps alerts, and who it was that an alert or a refusal was about. */
  readonly sightingsRetentionDays: number;
  /** What the gateway's paths ask of a key; the first that fits decides. */
  readonly routes: RouteTable;
  /** With which assertions are checked; the last one signs. Empty: no rule asks for an assertion. */
  readonly assertionKeys: readonly AssertionKey[];
  /** What a proxy presents to be believed; `null`: forward-auth is off. */
  readonly proxyToken: string | null;
  /** Who says where the name of a webhook leads. */
  readonly webhookResolver: URL;
  /** Names of the origin's host and of the control API's, as far as settings name them, in their one spelling. */
  readonly ownHosts: readonly string[];
  /** Whether webhooks may lead to this machine itself, over plain http too: local runs only. */
  readonly webhooksToLoopback: boolean;
};

/** Somebody, or something, that may do everything, by name. */
export type Operator = { readonly name: string; readonly token: string };

/** An Ed25519 key as a JWK (RFC 8037), private part included. */
export type AssertionKey = {
  readonly kid: string;
  readonly jwk: { readonly kty: "OKP"; readonly crv: "Ed25519"; readonly x: string; readonly d: string };
};

export type CredentialHeader = "authorization" | "x-api-key";

/** What is wrong with which setting. Never repeats the value: it may be a secret. */
export type Misconfiguration = { readonly setting: string; readonly message: string };

export type ConfigReading =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly Misconfiguration[] };

const readings = new WeakMap<object, ConfigReading>();

/** The validated settings of an environment. All that is wrong is named at once; a Worker without a `Config` serves nothing. */
export function configOf(env: Env): ConfigReading {
  let reading = readings.get(env);
  if (reading === undefined) {
    reading = readConfig(env);
    readings.set(env, reading);
  }
  return reading;
}

/** The settings of an environment that is already known to be good, for the objects behind the Worker. */
export function requireConfig(env: Env): Config {
  const reading = configOf(env);
  if (!reading.ok) throw new Error(`misconfigured: ${reading.problems.map(({ setting }) => setting).join(", ")}`);
  return reading.config;
}

/** The peppers as they are needed where a secret is issued or repeated. */
export const peppersOf = ({ signingPepper, peppers }: Config): Peppers => ({ signing: signingPepper, all: peppers });

function readConfig(env: Env): ConfigReading {
  const problems: Misconfiguration[] = [];
  const read = <const T>(setting: keyof Env, value: T | Fault): T | undefined => {
    if (!(value instanceof Fault)) return value;
    problems.push({ setting, message: value.message });
    return undefined;
  };

  const adminTokens = [
    read("REKEY_ADMIN_TOKEN", readToken(env.REKEY_ADMIN_TOKEN ?? "")),
    // An empty secret is how a token is taken away again.
    env.REKEY_ADMIN_TOKEN_NEXT ? read("REKEY_ADMIN_TOKEN_NEXT", readToken(env.REKEY_ADMIN_TOKEN_NEXT)) : undefined,
  ].filter((token) => token !== undefined);
  const operators = read("REKEY_OPERATORS", readOperators(env.REKEY_OPERATORS ?? ""));
  const peppers = read("REKEY_PEPPERS", readPeppers(env.REKEY_PEPPERS ?? ""));
  const signingPepper = peppers && read("REKEY_SIGNING_PEPPER", readSigningPepper(peppers, env.REKEY_SIGNING_PEPPER));
  const mode = read("MODE", readChoice(env.MODE || "gateway", ["gateway", "verify"]));
  const originUrl = read("ORIGIN_URL", readOriginUrl(env.ORIGIN_URL ?? ""));
  const header = read(
    "CREDENTIAL_HEADER",
    env.CREDENTIAL_HEADER ? readChoice(env.CREDENTIAL_HEADER, ["authorization", "x-api-key"]) : null,
  );
  const controlHost = read("CONTROL_HOST", readHost(env.CONTROL_HOST ?? ""));
  const keyPrefix = read("KEY_PREFIX", readPrefix(env.KEY_PREFIX || "rk_live"));
  const assertionKeys = read("REKEY_ASSERTION_KEY", readAssertionKeys(env.REKEY_ASSERTION_KEY ?? ""));
  const proxyToken = read("REKEY_PROXY_TOKEN", env.REKEY_PROXY_TOKEN ? readToken(env.REKEY_PROXY_TOKEN) : null);
  const rules = readRouteSetting(env.ROUTES, mode !== "verify", problems);
  const unnamed = read("ROUTES_DEFAULT", readChoice(env.ROUTES_DEFAULT || "key", ["key", "deny"]));
  const spelling = read("ROUTES_SPELLING", readChoice(env.ROUTES_SPELLING || "folded", ["folded", "exact"]));
  const passedHeaders = read("PASS_IDENTITY_HEADERS", readHeaderNames(env.PASS_IDENTITY_HEADERS ?? ""));
  problems.push(...misspelt(env));
  if (assertionKeys?.length === 0 && rules?.some(({ assertion }) => assertion)) {
    problems.push({ setting: "REKEY_ASSERTION_KEY", message: "is not set, but a rule of ROUTES asks for assertions" });
  }
  const webhookResolver = read("WEBHOOK_RESOLVER", readResolver(env.WEBHOOK_RESOLVER || DEFAULT_RESOLVER));
  const webhooksToLoopback = read(
    "WEBHOOKS_TO_LOOPBACK",
    readChoice(env.WEBHOOKS_TO_LOOPBACK || "refuse", ["refuse", "allow"]),
  );
  const decisionTimeoutMs = read("DECISION_TIMEOUT_MS", readWhole(env.DECISION_TIMEOUT_MS || "5000", 50, 60_000));
  const originTimeoutMs = read("ORIGIN_TIMEOUT_MS", readWhole(env.ORIGIN_TIMEOUT_MS || "30000", 50, 600_000));

  const controlChangesPerMinute = read(
    "CONTROL_CHANGES_PER_MINUTE",
    readWhole(env.CONTROL_CHANGES_PER_MINUTE || "120", 1, 1_000_000),
  );
  const logAdmitted = read("LOG_ADMITTED", readShare(env.LOG_ADMITTED || "0.01"));
  const ledgerEpoch = read("LEDGER_EPOCH", readEpoch(env.LEDGER_EPOCH ?? ""));
  const eventsRetentionDays = read(
    "EVENTS_RETENTION_DAYS",
    env.EVENTS_RETENTION_DAYS ? readWhole(env.EVENTS_RETENTION_DAYS, 1, 36_500) : null,
  );
  const sightingsRetentionDays = read(
    "SIGHTINGS_RETENTION_DAYS",
    readWhole(env.SIGHTINGS_RETENTION_DAYS || "90", 1, 36_500),
  );

  // What is no good secret has been named already.
  problems.push(...sharedSecrets(env).filter(({ setting }) => !problems.some((other) => other.setting === setting)));

  if (
    problems.length > 0 ||
    operators === undefined ||
    controlChangesPerMinute === undefined ||
    ledgerEpoch === undefined ||
    logAdmitted === undefined ||
    eventsRetentionDays === undefined ||
    sightingsRetentionDays === undefined ||
    peppers === undefined ||
    signingPepper === undefined ||
    mode === undefined ||
    originUrl === undefined ||
    header === undefined ||
    controlHost === undefined ||
    keyPrefix === undefined ||
    originTimeoutMs === undefined ||
    assertionKeys === undefined ||
    proxyToken === undefined ||
    passedHeaders === undefined ||
    rules === undefined ||
    unnamed === undefined ||
    spelling === undefined ||
    webhookResolver === undefined ||
    webhooksToLoopback === undefined ||
    decisionTimeoutMs === undefined
  ) {
    return { ok: false, problems };
  }
  return {
    ok: true,
    config: {
      mode,
      ownTokens: [...adminTokens, ...operators.map(({ token }) => token), ...(proxyToken === null ? [] : [proxyToken])],
      passedHeaders,
      adminTokens: [...adminTokens, ...operators.map(({ token }) => token)],
      operators,
      controlChangesPerMinute,
      peppers,
      signingPepper,
      originUrl,
      credentialHeaders: header === null ? ["authorization", "x-api-key"] : [header],
      controlHost,
      keyPrefixes: { live: keyPrefix, test: testPrefixOf(keyPrefix) },
      decisionTimeoutMs,
      originTimeoutMs,
      ledgerEpoch,
      logAdmitted,
      eventsRetentionDays,
      sightingsRetentionDays,
      routes: routeTable(rules, {
        unnamed: unnamed === "deny" ? UNNAMED_DENIED : UNNAMED,
        folds: spelling === "folded",
      }),
      assertionKeys,
      proxyToken,
      webhookResolver,
      ownHosts: [originUrl, controlHost === null ? null : URL.parse(`https://${controlHost}`)].flatMap((url) =>
        url === null ? [] : [url.hostname.replace(/\.$/, "").toLowerCase()],
      ),
      webhooksToLoopback: webhooksToLoopback === "allow",
    },
  };
}

/** A value that cannot be used, and what to do about it. */
class Fault {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

function readToken(value: string): string | Fault {
  if (value === "") return new Fault("is not set: make one with `openssl rand -hex 32`");
  if (!holds256Bits(value)) {
    return new Fault("must be at least 43 base64url or 64 hex characters (256 bits)");
  }
  return looksRandom(value) ? value : new Fault("looks like a placeholder: make one with `openssl rand -hex 32`");
}

/** What a name of an operator looks like, and how many there may be: all are compared with every token that comes. */
const OPERATOR_NAME = /^[a-z][a-z0-9_.-]{0,31}$/;
const MOST_OPERATORS = 64;

/** `"alice:<token>,ci:<token>"`; a name may stand twice, for as long as its token is being replaced. */
function readOperators(value: string): readonly Operator[] | Fault {
  if (value === "") return [];
  const operators: Operator[] = [];
  for (const entry of value.split(",")) {
    const match = /^\s*([^:\s]*):(\S*)\s*$/.exec(entry);
    const [, name = "", secret = ""] = match ?? [];
    if (!OPERATOR_NAME.test(name)) {
      return new Fault(
        "must be a list like alice:<token>,ci:<token>, each name a small letter and up to 31 of a-z, 0-9, dot, _ and -",
      );
    }
    const token = readToken(secret);
    if (token instanceof Fault) return new Fault(`has for "${name}" a token that ${token.message}`);
    if (operators.filter((other) => other.name === name).length === 2) {
      return new Fault(`lists "${name}" three times: two tokens are enough while one replaces the other`);
    }
    operators.push({ name, token });
  }
  if (operators.length > MOST_OPERATORS) return new Fault(`lists more than ${MOST_OPERATORS} tokens`);
  return operators;
}

/** What stands behind each name of a list. */
const secretsOf = (list: string | undefined) => (list ?? "").split(",").map((entry) => entry.split(":")[1]?.trim());

/**
 * Secrets that stand in two places. Whoever is given one is given the other with it, and to take one away again takes
 * both; a proxy could do what only an operator may.
 */
function sharedSecrets(env: Env): Misconfiguration[] {
  const d = /"d"\s*:\s*"([^"]*)"/g;
  const held = (
    [
      ["REKEY_ADMIN_TOKEN", [env.REKEY_ADMIN_TOKEN]],
      ["REKEY_ADMIN_TOKEN_NEXT", [env.REKEY_ADMIN_TOKEN_NEXT]],
      ["REKEY_OPERATORS", secretsOf(env.REKEY_OPERATORS)],
      ["REKEY_PEPPERS", secretsOf(env.REKEY_PEPPERS)],
      ["REKEY_ASSERTION_KEY", [...(env.REKEY_ASSERTION_KEY ?? "").matchAll(d)].map(([, secret]) => secret)],
      ["REKEY_PROXY_TOKEN", [env.REKEY_PROXY_TOKEN]],
    ] as const
  ).flatMap(([setting, secrets]) => secrets.filter((secret) => !!secret).map((secret) => ({ setting, secret })));
  return held.flatMap(({ setting, secret }, at) => {
    const first = held.findIndex((other) => other.secret === secret);
    if (first === at) return [];
    const where =
      held[first]!.setting === setting ? "twice the same secret" : `a secret that ${held[first]!.setting} has too`;
    return [{ setting, message: `has ${where}: make one for each, with \`openssl rand -hex 32\`` }];
  });
}

/** `"a:<base64url>,b:<base64url>"`: each pepper has an id of one base62 character and at least 256 bits. */
function readPeppers(value: string): readonly Pepper[] | Fault {
  if (value === "") return new Fault("is not set: make one with `echo a:$(openssl rand -hex 32)`");
  const peppers: Pepper[] = [];
  for (const entry of value.split(",")) {
    const match = /^\s*([0-9A-Za-z]):([A-Za-z0-9_-]+)\s*$/.exec(entry);
    const [, id = "", secret = ""] = match ?? [];
    if (!holds256Bits(secret)) {
      return new Fault(
        "must be a list like a:<secret>,b:<secret>, each secret at least 43 base64url or 64 hex characters",
      );
    }
    if (!looksRandom(secret)) return new Fault(`has a pepper "${id}" that looks like a placeholder`);
    if (peppers.some((other) => other.id === id)) return new Fault(`lists the pepper "${id}" twice`);
    peppers.push({ id, secret: new TextEncoder().encode(secret) });
  }
  return peppers;
}

function readSigningPepper(peppers: readonly Pepper[], id: string | undefined): Pepper | Fault {
  if (!id) return peppers.at(-1)!;
  return peppers.find((pepper) => pepper.id === id) ?? new Fault("names a pepper that REKEY_PEPPERS does not list");
}

/** A JWK, or several as `{"keys": [...]}` while the key is rotated: all are published, the last one signs. */
function readAssertionKeys(value: string): readonly AssertionKey[] | Fault {
  if (value === "") return [];
  const fault = new Fault('must be an Ed25519 private key as a JWK, or several as {"keys": [...]}');
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    return fault;
  }
  const list: unknown = isObject(parsed) && "keys" in parsed ? parsed["keys"] : [parsed];
  if (!Array.isArray(list) || list.length === 0) return fault;
  const keys = list.map(readJwk).filter((key) => key !== null);
  if (keys.length < list.length) return fault;
  return keys.every(isPair) ? keys : new Fault("has a key whose public part (x) is not that of its private part (d)");
}

function readJwk(jwk: unknown): AssertionKey | null {
  if (!isObject(jwk) || jwk["kty"] !== "OKP" || jwk["crv"] !== "Ed25519") return null;
  const { x, d, kid = x } = jwk;
  if (!is32Bytes(x) || !is32Bytes(d) || typeof kid !== "string") return null;
  return { kid, jwk: { kty: "OKP", crv: "Ed25519", x, d } };
}

/** Whether what is published belongs to what signs: an origin would believe nothing that another key has signed. */
function isPair({ jwk }: AssertionKey): boolean {
  // Asked for here, because to load it costs every start some milliseconds, and most objects read no such key.
  const { createPrivateKey, createPublicKey } = process.getBuiltinModule("node:crypto");
  const ofPrivate = createPublicKey(createPrivateKey({ key: jwk, format: "jwk" }));
  return ofPrivate.export({ format: "jwk" }).x === jwk.x;
}

/** Base64url of 32 bytes. */
const is32Bytes = (text: unknown): text is string => typeof text === "string" && /^[A-Za-z0-9_-]{43}$/.test(text);

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** Rules are named one by one with what is wrong in them: `ROUTES[2].cost`. */
function readRouteSetting(
  value: unknown,
  isNeeded: boolean,
  problems: Misconfiguration[],
): readonly RouteRule[] | undefined {
  // Without rules a gateway would serve every path to every key, and nobody would have said so.
  if (isNeeded && (value === undefined || value === "")) {
    problems.push({
      setting: "ROUTES",
      message: 'is not set: begin with ROUTES = [{ path = "/*" }], a key for every path',
    });
    return undefined;
  }
  const reading = readRoutes(value ?? []);
  if (reading.ok) return reading.routes;
  problems.push(...reading.faults.map(({ path, message }) => ({ setting: `ROUTES${path}`, message })));
  return undefined;
}

/** Settings that there are not, where one of nearly the same name is not set: what was meant by it would not hold. */
function misspelt(env: Env): readonly Misconfiguration[] {
  const unset = SETTINGS.filter((name) => (env as Record<string, unknown>)[name] === undefined);
  return Object.entries(env).flatMap(([name, value]) => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return [];
    if ((SETTINGS as readonly string[]).includes(name)) return [];
    const meant = nearest(name, unset);
    return meant === null ? [] : [{ setting: name, message: `is no setting.${didYouMean(meant)}` }];
  });
}

/** The names of all settings and secrets that are text or a list. */
const SETTINGS = [
  "REKEY_ADMIN_TOKEN",
  "REKEY_ADMIN_TOKEN_NEXT",
  "REKEY_PEPPERS",
  "REKEY_SIGNING_PEPPER",
  "REKEY_ASSERTION_KEY",
  "REKEY_PROXY_TOKEN",
  "MODE",
  "ORIGIN_URL",
  "CREDENTIAL_HEADER",
  "CONTROL_HOST",
  "KEY_PREFIX",
  "DECISION_TIMEOUT_MS",
  "ORIGIN_TIMEOUT_MS",
  "LOG_ADMITTED",
  "LEDGER_EPOCH",
  "EVENTS_RETENTION_DAYS",
  "SIGHTINGS_RETENTION_DAYS",
  "WEBHOOK_RESOLVER",
  "WEBHOOKS_TO_LOOPBACK",
  "ROUTES",
  "ROUTES_DEFAULT",
  "PASS_IDENTITY_HEADERS",
  "ROUTES_SPELLING",
] as const satisfies readonly (keyof Env)[];

const DEFAULT_RESOLVER = "https://cloudflare-dns.com/dns-query";

/** https, or http on this very machine, and without what a question adds to it. */
function readResolver(value: string): URL | Fault {
  const url = readOriginUrl(value);
  return url ?? new Fault("is not a URL");
}

/** https, or http on this very machine: a key's identity headers must not cross a network in the clear. */
function readOriginUrl(value: string): URL | null | Fault {
  if (value === "") return null;
  const url = URL.parse(value);
  if (url === null) return new Fault("is not a URL");
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return new Fault("must be scheme, host and an optional path: no credentials, query or fragment");
  }
  const loopback = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url.protocol === "https:" || (url.protocol === "http:" && loopback)) return url;
  return new Fault("must be https (http only on loopback)");
}

const readChoice = <const T extends string>(value: string, choices: readonly T[]): T | Fault =>
  choices.find((choice) => choice === value) ?? new Fault(`must be one of: ${choices.join(", ")}`);

/** Any short name will do: a number, or the day of a restore. */
const readEpoch = (value: string): string | Fault =>
  /^[A-Za-z0-9._-]{0,32}$/.test(value) ? value : new Fault("must be at most 32 of A-Z, a-z, 0-9, dot, _ and -");

const readPrefix = (value: string): string | Fault =>
  PREFIX.test(value) ? value : new Fault("must be a letter and up to 19 of a-z, 0-9 and _");

/** A prefix has at most so many characters. */
const PREFIX_LENGTH = 20;

/** `rk_live` becomes `rk_test`; to any other prefix `_test` is added, at the cost of its end if it gets too long. */
function testPrefixOf(prefix: string): string {
  if (/(?:^|_)live$/.test(prefix)) return prefix.replace(/live$/, "test");
  const suffix = "_test";
  return prefix.slice(0, PREFIX_LENGTH - suffix.length) + suffix;
}

/** A host as a request's URL has it: lower case, with a port only where it is not the usual one. */
function readHost(value: string): string | null | Fault {
  if (value === "") return null;
  const url = URL.parse(`https://${value}`);
  return url !== null && url.host === value.toLowerCase() && url.pathname === "/"
    ? url.host
    : new Fault("must be one host, like control.example.com, without scheme or path");
}

/** Names of headers, with commas between them. */
function readHeaderNames(value: string): ReadonlySet<string> | Fault {
  const names = value.split(",").map((name) => name.trim().toLowerCase());
  if (value === "") return new Set();
  return names.every((name) => /^[a-z0-9-]{1,64}$/.test(name))
    ? new Set(names)
    : new Fault("must be names of headers with commas between them, like Cf-Access-Jwt-Assertion");
}

/** A share of a whole, as a decimal fraction. */
const readShare = (value: string): number | Fault =>
  /^(?:0(?:\.[0-9]{1,9})?|1(?:\.0{1,9})?)$/.test(value) ? Number(value) : new Fault("must be a number from 0 to 1");

function readWhole(value: string, least: number, most: number): number | Fault {
  const number = /^[0-9]+$/.test(value) ? Number(value) : NaN;
  return number >= least && number <= most ? number : new Fault(`must be a whole number from ${least} to ${most}`);
}

/** Whether a secret can hold 256 bits: 43 characters of base64url, but 64 where it is nothing but hex. */
const holds256Bits = (value: string): boolean =>
  /^[0-9a-fA-F]*$/.test(value) ? value.length >= 64 : /^[A-Za-z0-9_-]{43,}$/.test(value);

/** A secret of 256 random bits has many different characters; "changeme…" and "aaaa…" do not get far. */
function looksRandom(value: string): boolean {
  return (
    new Set(value.toLowerCase()).size >= 10 && !/change.?me|placeholder|example|your.?(?:token|secret)/i.test(value)
  );
}

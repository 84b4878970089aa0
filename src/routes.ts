import * as z from "zod/mini";
import { _default as withDefault } from "zod/mini";
import { BOUNDS } from "./key/policy.ts";
import { isRequirableScope } from "./key/scope.ts";

/**
 * What paths of the gateway ask of a key: the setting ROUTES, a list of rules. The first rule whose path and method fit
 * decides; a path that no rule names needs a valid key and costs 1.
 *
 * A pattern is matched segment by segment on the canonical path, which is the very string that is forwarded. `*` stands
 * for one segment, as the last segment for any number of them, none included: `/v1/*` fits `/v1` and `/v1/a/b`.
 */
export type RouteRule = {
  readonly path: string;
  /** `null`: every method. */
  readonly methods: readonly string[] | null;
  /** `true`: nobody needs a key here, and nothing is counted. */
  readonly public: boolean;
  readonly scopes: readonly string[];
  readonly anyScope: readonly string[];
  readonly charge: Charge;
  /** On what outcomes at the origin the charge is given back. */
  readonly refundOn: readonly RefundOutcome[];
  readonly cors: CorsRule | null;
  readonly websocket: boolean;
  /** Whether the origin is told by a signed assertion who was admitted. */
  readonly assertion: boolean;
  /** Whether shared caches may keep what the origin lets them keep. */
  readonly cacheable: boolean;
  /** The largest request body, in bytes; `null`: any. */
  readonly maxBodyBytes: number | null;
};

/** `reserve` holds units until the origin says in `Rekey-Cost` what the request really cost. */
export type Charge = { readonly cost: number } | { readonly reserve: number };

export type RefundOutcome = (typeof REFUND_OUTCOMES)[number];
export const REFUND_OUTCOMES = ["5xx", "timeout"] as const;

/** Which pages of other sites may call these paths from a browser (the Fetch standard's CORS protocol). */
export type CorsRule = {
  /** Exact origins, or `*` alone. */
  readonly origins: readonly string[];
  /** Headers a page may send; the credential's own are always among them. */
  readonly headers: readonly string[];
  /** Headers of the answer a page may read, beside those that the gateway sets. */
  readonly exposeHeaders: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeSeconds: number;
  /** Who answers a preflight: the gateway, or the origin, to which it is passed without a key. */
  readonly preflight: "answer" | "forward";
};

/** The rule of every path that no rule names. */
export const UNNAMED: RouteRule = {
  path: "/*",
  methods: null,
  public: false,
  scopes: [],
  anyScope: [],
  charge: { cost: 1 },
  refundOn: [],
  cors: null,
  websocket: false,
  assertion: false,
  cacheable: false,
  maxBodyBytes: null,
};

/** The methods that the gateway forwards. */
export const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

export const isMethod = (method: string): boolean => (METHODS as readonly string[]).includes(method);

const MAX_RULES = 256;
/** In each list of origins or headers: every request of a page is compared with the former, and told the latter. */
const MAX_NAMES = 64;

/** What is wrong with which part of the setting, as `[2].cost`. */
export type RouteFault = { readonly path: string; readonly message: string };

export type RoutesReading =
  | { readonly ok: true; readonly routes: readonly RouteRule[] }
  | { readonly ok: false; readonly faults: readonly RouteFault[] };

/** Reads the setting, given as a list or as its JSON. Everything that is wrong is named at once. */
export function readRoutes(setting: unknown): RoutesReading {
  let list = setting;
  if (typeof setting === "string") {
    try {
      list = setting === "" ? [] : JSON.parse(setting);
    } catch {
      return { ok: false, faults: [{ path: "", message: "is not JSON" }] };
    }
  }
  const parsed = rules.safeParse(list);
  if (!parsed.success) {
    return { ok: false, faults: parsed.error.issues.map(({ path, message }) => ({ path: pathOf(path), message })) };
  }
  return { ok: true, routes: parsed.data.map(ruleOf) };
}

/** The rule that decides about a method on a canonical path. */
export function ruleFor(routes: readonly RouteRule[], method: string, path: string): RouteRule {
  const given = path.split("/");
  for (const rule of routes) {
    if ((rule.methods === null || rule.methods.includes(method)) && fits(patternOf(rule), given)) return rule;
  }
  return UNNAMED;
}

/** What the segments of a path must be; `open`: any number of others may follow. */
type Pattern = { readonly segments: readonly string[]; readonly open: boolean };

function fits({ segments, open }: Pattern, given: readonly string[]): boolean {
  if (open ? given.length < segments.length : given.length !== segments.length) return false;
  for (let at = 0; at < segments.length; at++) {
    if (segments[at] === "*" ? given[at] === "" : segments[at] !== given[at]) return false;
  }
  return true;
}

/** Taken apart once for each rule: every request goes through the rules until one fits. */
const patterns = new WeakMap<RouteRule, Pattern>();

function patternOf(rule: RouteRule): Pattern {
  let known = patterns.get(rule);
  if (known === undefined) {
    const segments = rule.path.split("/");
    const open = segments.at(-1) === "*";
    patterns.set(rule, (known = { segments: open ? segments.slice(0, -1) : segments, open }));
  }
  return known;
}

/** A segment as the canonical form has it: escapes in upper case, and none of a character that needs none. */
const SEGMENT = String.raw`(?!\.{1,2}(?:/|$))(?:[A-Za-z0-9\-._~!$&'()+,=:@]|%(?!3[0-9]|[46][1-9A-F]|[57][0-9A]|2[DE]|5F|7E)[0-9A-F]{2})+`;
const PATTERN = new RegExp(String.raw`^(?=/)(?:/(?:\*|${SEGMENT}))*/?$`);

const path = z.lazy(() =>
  z.string().check(
    z.refine(
      (text) => text.length <= 1024 && PATTERN.test(text),
      "must be a canonical path like /v1/orders/*: segments of plain characters, or * for a whole segment",
    ),
    z.refine(
      (text) => !/^\/_rekey(?:\/|$)/.test(text),
      "must not be below /_rekey: those paths are Rekey's own and no rule reaches them",
    ),
  ),
);

const scopes = z.lazy(() =>
  withDefault(
    z
      .array(z.string().check(z.refine(isRequirableScope, "must be a scope without *, like orders:read")))
      .check(z.maxLength(BOUNDS.scopes)),
    [],
  ),
);
const units = z.lazy(() => z.number().check(z.multipleOf(1), z.gte(0), z.lte(BOUNDS.limit)));
const headerNames = z.lazy(() =>
  withDefault(
    z
      .array(z.string().check(z.regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, "must be the name of a header")))
      .check(z.maxLength(MAX_NAMES)),
    [],
  ),
);

const corsOrigin = z.lazy(() =>
  z
    .string()
    .check(
      z.refine(
        (text) => text === "*" || (URL.canParse(text) && new URL(text).origin === text),
        'must be an origin like https://app.example.com, or "*"',
      ),
    ),
);

const cors = z.lazy(() =>
  z
    .strictObject({
      origins: z.array(corsOrigin).check(z.minLength(1), z.maxLength(MAX_NAMES)),
      headers: headerNames,
      exposeHeaders: headerNames,
      credentials: withDefault(z.boolean(), false),
      maxAgeSeconds: withDefault(z.number().check(z.multipleOf(1), z.gte(0), z.lte(86_400)), 600),
      preflight: withDefault(z.enum(["answer", "forward"]), "answer"),
    })
    .check(
      z.refine(({ origins, credentials }) => !origins.includes("*") || (origins.length === 1 && !credentials), {
        path: ["origins"],
        error: '"*" stands alone, and never with credentials',
      }),
    ),
);

const rule = z.lazy(() =>
  z
    .strictObject({
      path,
      methods: withDefault(
        z.nullable(z.array(z.enum(METHODS)).check(z.minLength(1), z.maxLength(METHODS.length))),
        null,
      ),
      public: withDefault(z.boolean(), false),
      scopes,
      anyScope: scopes,
      cost: z.optional(units),
      reserve: z.optional(units),
      refundOn: withDefault(z.array(z.enum(REFUND_OUTCOMES)).check(z.maxLength(REFUND_OUTCOMES.length)), []),
      cors: withDefault(z.nullable(cors), null),
      websocket: withDefault(z.boolean(), false),
      assertion: withDefault(z.boolean(), false),
      cacheable: withDefault(z.boolean(), false),
      maxBodyBytes: withDefault(z.nullable(units), null),
    })
    .check(
      z.refine(({ cost, reserve }) => cost === undefined || reserve === undefined, {
        path: ["reserve"],
        error: "replaces cost: give one of them",
      }),
      z.refine((given) => !given.public || PUBLIC_HAS_NO.every((name) => isAbsent(given[name])), {
        path: ["public"],
        error: `excludes ${["scopes", "anyScope", "cost", "reserve", "refundOn", "assertion"].join(", ")}: nobody is admitted here`,
      }),
    ),
);

const PUBLIC_HAS_NO = ["scopes", "anyScope", "cost", "reserve", "refundOn", "assertion"] as const;

const isAbsent = (value: unknown): boolean =>
  value === undefined || value === false || (Array.isArray(value) && value.length === 0);

const rules = z.lazy(() => z.array(rule).check(z.maxLength(MAX_RULES)));

const ruleOf = ({ cost, reserve, ...rest }: z.output<typeof rule>): RouteRule => ({
  ...rest,
  charge: reserve === undefined ? { cost: cost ?? 1 } : { reserve },
});

const pathOf = (parts: readonly PropertyKey[]): string =>
  parts.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");

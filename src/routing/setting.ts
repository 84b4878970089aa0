import * as z from "zod/mini";
import { _default as withDefault } from "zod/mini";
import { BOUNDS } from "../key/policy.ts";
import { isRequirableScope } from "../key/scope.ts";
import { shadowFaults, type RouteFault } from "./shadow.ts";
import { REFUND_OUTCOMES, type RouteRule } from "./rule.ts";
import { didYouMean, nearest } from "./suggest.ts";

const MAX_RULES = 256;
/** In each list of origins or headers: every request of a page is compared with the former, and told the latter. */
const MAX_NAMES = 64;

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
  const routes = parsed.data.map(ruleOf);
  const faults = shadowFaults(routes);
  return faults.length === 0 ? { ok: true, routes } : { ok: false, faults };
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
    z.refine((text) => !/\/[:{]/.test(text), {
      error: ({ input }) => `has a named segment: write * for one that varies.${didYouMean(starred(String(input)))}`,
    }),
    z.refine(
      (text) => !/^\/_rekey(?:\/|$)/i.test(text),
      "must not be below /_rekey: those paths are Rekey's own and no rule reaches them",
    ),
  ),
);

const starred = (pattern: string): string => pattern.replace(/\/(?::[^/]*|\{[^/]*\})/g, "/*");

/** Methods are names in capitals (RFC 9110 section 9.1). Two of them are never forwarded: they are about the way itself. */
const method = z.lazy(() =>
  z.string().check(
    z.regex(/^[A-Z][A-Z-]{0,31}$/, "must be the name of a method in capitals, like GET or PROPFIND"),
    z.refine((name) => !["TRACE", "TRACK", "CONNECT"].includes(name), "is never forwarded"),
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

const CORS_FIELDS = ["origins", "headers", "exposeHeaders", "credentials", "maxAgeSeconds", "preflight"] as const;

/** Fields that there are not are named, with the one that was probably meant. */
const unknownFields =
  (known: readonly string[]) =>
  (issue: { readonly code?: string; readonly keys?: readonly string[] }): string | undefined =>
    issue.code === "unrecognized_keys"
      ? (issue.keys ?? [])
          .map((field) => `has no field ${JSON.stringify(field)}.${didYouMean(nearest(field, known))}`)
          .join(" ")
      : undefined;

const cors = z.lazy(() =>
  z
    .strictObject(
      {
        origins: z.array(corsOrigin).check(z.minLength(1), z.maxLength(MAX_NAMES)),
        headers: headerNames,
        exposeHeaders: headerNames,
        credentials: withDefault(z.boolean(), false),
        maxAgeSeconds: withDefault(z.number().check(z.multipleOf(1), z.gte(0), z.lte(86_400)), 600),
        preflight: withDefault(z.enum(["answer", "forward"]), "answer"),
      },
      { error: unknownFields(CORS_FIELDS) },
    )
    .check(
      z.refine(({ origins, credentials }) => !origins.includes("*") || (origins.length === 1 && !credentials), {
        path: ["origins"],
        error: '"*" stands alone, and never with credentials',
      }),
    ),
);

const OPAQUE_PATTERN = /^(?:\/[^/*]+)+\/\*$/;

const RULE_FIELDS = [
  "path",
  "methods",
  "exact",
  "paths",
  "deny",
  "public",
  "scopes",
  "anyScope",
  "cost",
  "reserve",
  "refundOn",
  "cors",
  "websocket",
  "assertion",
  "cacheable",
  "maxBodyBytes",
] as const satisfies readonly (keyof RouteRule | "cost" | "reserve")[];

const rule = z.lazy(() =>
  z
    .strictObject(
      {
        path,
        methods: withDefault(
          z.nullable(
            z.array(method).check(
              z.minLength(1),
              z.maxLength(MAX_NAMES),
              z.refine((names) => new Set(names).size === names.length, "must name each method once"),
            ),
          ),
          null,
        ),
        exact: withDefault(z.boolean(), false),
        paths: withDefault(z.enum(["canonical", "opaque"]), "canonical"),
        deny: withDefault(z.boolean(), false),
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
      },
      { error: unknownFields(RULE_FIELDS) },
    )
    .check(
      z.refine(({ paths, path: pattern }) => paths !== "opaque" || OPAQUE_PATTERN.test(pattern), {
        path: ["path"],
        error: "must be a literal beginning and /* where paths are opaque, like /files/*",
      }),
      z.refine(({ cost, reserve }) => cost === undefined || reserve === undefined, {
        path: ["reserve"],
        error: "replaces cost: give one of them",
      }),
      z.refine((given) => !given.public || PUBLIC_HAS_NO.every((name) => isAbsent(given[name])), {
        path: ["public"],
        error: `excludes ${PUBLIC_HAS_NO.join(", ")}: nobody is admitted here`,
      }),
    ),
);

const PUBLIC_HAS_NO = ["deny", "scopes", "anyScope", "cost", "reserve", "refundOn", "assertion"] as const;

const isAbsent = (value: unknown): boolean =>
  value === undefined || value === false || (Array.isArray(value) && value.length === 0);

const rules = z.lazy(() => z.array(rule).check(z.maxLength(MAX_RULES)));

const ruleOf = ({ cost, reserve, ...rest }: z.output<typeof rule>): RouteRule => ({
  ...rest,
  charge: reserve === undefined ? { cost: cost ?? 1 } : { reserve },
});

const pathOf = (parts: readonly PropertyKey[]): string =>
  parts.map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`)).join("");

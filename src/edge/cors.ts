import type { CorsRule } from "../routing/rule.ts";

// The CORS protocol of the Fetch standard, for paths whose rule lets pages of other sites call them.

/** Headers of ours that a page may read: without them it could not obey a limit or report a request. */
const OURS = [
  "Rekey-Request-Id",
  "Rekey-Decision",
  "Rekey-New-Key",
  "RateLimit",
  "RateLimit-Policy",
  "Retry-After",
  "WWW-Authenticate",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
];

/** Whether a request asks, before the request itself, whether a page may make it. */
export const isPreflight = (method: string, headers: Headers): boolean =>
  method === "OPTIONS" && headers.has("origin") && headers.has("access-control-request-method");

/** The gateway's own answer to a preflight. Spends nothing, asks nobody, and reaches no origin. */
export function preflightResponse(
  cors: CorsRule,
  methods: readonly string[],
  request: Headers,
  requestId: string,
): Response {
  const headers = new Headers({ "rekey-request-id": requestId, "cache-control": "no-store" });
  headers.append("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
  const origin = allowedOrigin(cors, request.get("origin"));
  if (origin !== null) {
    headers.set("access-control-allow-origin", origin);
    headers.set("access-control-allow-methods", methods.join(", "));
    headers.set(
      "access-control-allow-headers",
      ["Authorization", "X-API-Key", "Content-Type", ...cors.headers].join(", "),
    );
    headers.set("access-control-max-age", String(cors.maxAgeSeconds));
    if (cors.credentials) headers.set("access-control-allow-credentials", "true");
  }
  return new Response(null, { status: 204, headers });
}

/** Lets a page read an answer, a refusal included: without these a browser hides even the status. */
export function allowReading(headers: Headers, cors: CorsRule, requestOrigin: string | null): void {
  headers.append("vary", "Origin");
  const origin = allowedOrigin(cors, requestOrigin);
  // What the origin said about other sites is replaced: the rule decides here.
  for (const name of [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-expose-headers",
  ]) {
    headers.delete(name);
  }
  if (origin === null) return;
  headers.set("access-control-allow-origin", origin);
  headers.set("access-control-expose-headers", [...OURS, ...cors.exposeHeaders].join(", "));
  if (cors.credentials) headers.set("access-control-allow-credentials", "true");
}

const allowedOrigin = ({ origins }: CorsRule, origin: string | null): string | null => {
  if (origin === null) return null;
  if (origins.includes("*")) return "*";
  return origins.includes(origin) ? origin : null;
};

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const DOCUMENT = readFileSync(join(import.meta.dirname, "../../docs/forward-auth.md"), "utf8");
const sectionOf = (proxy: string): string => DOCUMENT.split(/^## /m).find((section) => section.startsWith(proxy))!;

/** No Traefik and no Envoy runs in the tests: what a configuration must not lack is looked for in its text. */
describe.each([
  [
    "Traefik",
    [
      /address: "https:\/\/auth\.example\.com\/_rekey\/v1\/forward-auth\/traefik\/"/,
      /Rekey-Proxy-Token: "your-proxy-token"/,
      /trustForwardHeader: false/,
      /authResponseHeadersRegex: "\^Rekey\[-_\]"/,
      // Behind the decision: the credential, the token, and what would make a WebSocket of the request.
      /clean:[^]*Authorization: ""[^]*X-API-Key: ""[^]*Rekey-Proxy-Token: ""[^]*Upgrade: ""/,
      /middlewares: \["ours", "rekey", "clean"\]/,
    ],
  ],
  [
    "Envoy",
    [
      /failure_mode_allow: false/,
      /path_prefix: \/_rekey\/v1\/forward-auth\/envoy\n/,
      /key: rekey-proxy-token\n\s*value: your-proxy-token/,
      /allowed_upstream_headers:\n\s*patterns:\n\s*- prefix: rekey-/,
      /exact: x-forwarded-for/,
      /normalize_path: true/,
      /path_with_escaped_slashes_action: REJECT_REQUEST/,
      /use_remote_address: true/,
      /headers_with_underscores_action: REJECT_REQUEST/,
      /request_headers_to_remove: \["authorization", "x-api-key"\]/,
    ],
  ],
] as const)("the configuration for %s, which is checked as text", (proxy, needed) => {
  it.each(needed.map((pattern) => [pattern]))("has %s", (pattern) => {
    expect(sectionOf(proxy)).toMatch(pattern);
  });
});

it("the document says which configurations no program runs", () => {
  expect(DOCUMENT).toContain("Those of Traefik and Envoy are checked as text only");
});

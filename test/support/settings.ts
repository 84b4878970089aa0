/**
 * Secrets for Workers under test, well-formed and worth nothing elsewhere.
 * Fixed rather than random, so that a failing run can be repeated.
 */
export const testSecrets = {
  REKEY_ADMIN_TOKEN: "T3st-admin-token_of-256-bits_0123456789abcdefgh",
  REKEY_PEPPERS: "a:T3st-pepper-a_of-256-bits_9876543210zyxwvutsrq",
  // The key of RFC 8037, appendix A.1.
  REKEY_ASSERTION_KEY: JSON.stringify({
    kty: "OKP",
    crv: "Ed25519",
    x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    kid: "2026-11",
  }),
  REKEY_PROXY_TOKEN: "T3st-proxy-token_of-256-bits_0123456789zyxwvuts",
} as const;

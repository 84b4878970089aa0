/**
 * Secrets for Workers under test, well-formed and worth nothing elsewhere.
 * Fixed rather than random, so that a failing run can be repeated.
 */
export const testSecrets = {
  REKEY_ADMIN_TOKEN: "T3st-admin-token_of-256-bits_0123456789abcdefgh",
  REKEY_PEPPERS: "a:T3st-pepper-a_of-256-bits_9876543210zyxwvutsrq",
  REKEY_ASSERTION_KEY: JSON.stringify({
    kty: "OKP",
    crv: "Ed25519",
    x: "OPXVeVYiz5mrbLw40h9qF6plgyegEYSbfdZlQQ8jAM8",
    d: "s88kaSewMXp3bD1oWSkWHRqKKeShMwIkbiJ9Gr6T09c",
    kid: "test",
  }),
  REKEY_PROXY_TOKEN: "T3st-proxy-token_of-256-bits_0123456789zyxwvuts",
} as const;

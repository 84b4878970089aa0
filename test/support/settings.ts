/**
 * Secrets for Workers under test, well-formed and worth nothing elsewhere.
 * Fixed rather than random, so that a failing run can be repeated.
 */
export const testSecrets = {
  REKEY_ADMIN_TOKEN: "T3st-admin-token_of-256-bits_0123456789abcdefgh",
  REKEY_PEPPERS: "a:T3st-pepper-a_of-256-bits_9876543210zyxwvutsrq",
} as const;

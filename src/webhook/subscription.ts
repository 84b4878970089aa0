/** What a subscription may name beside whole types: everything, or every type that begins alike (`key.*`). */
const EVERYTHING = "*";
const ANY_END = ".*";

/** Whether a subscription to these patterns wants events of a type. */
export const wants = (patterns: readonly string[], type: string): boolean =>
  patterns.some((pattern) => fits(pattern, type));

/** Whether a pattern names at least one of the types that there are: one that never fits is a typing error. */
export const namesSome = (pattern: string, types: readonly string[]): boolean =>
  types.some((type) => fits(pattern, type));

const fits = (pattern: string, type: string): boolean =>
  pattern === EVERYTHING ||
  pattern === type ||
  // With its dot: `key.*` is not `keyring.opened`.
  (pattern.endsWith(ANY_END) && type.startsWith(pattern.slice(0, -1)));

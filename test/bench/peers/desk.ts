/** What every peer does, however it does it. */
export type Desk = {
  /** Makes a key that may be used `limit` times. */
  create(limit: number): Promise<{ readonly id: string; readonly key: string }>;
  /** Ends a key. When it returns, the peer says that the key is dead. */
  revoke(id: string): Promise<void>;
  /** Authenticates, judges the standing and takes one unit: the work that is compared. */
  verify(key: string): Promise<Verdict>;
};

export type Verdict =
  | { readonly valid: true; readonly keyId: string; readonly limit: number; readonly used: number }
  | { readonly valid: false; readonly code: string };

/** The owner of all keys of the bench. */
export const OWNER = "acme";

const SCOPES = ["orders:read"];

/** A verdict as JSON that tells what Rekey's verify tells, padded with white space to as many bytes. */
export function answerOf(verdict: Verdict, bytes: number): string {
  if (!verdict.valid) return JSON.stringify(verdict);
  const { valid, keyId, limit, used } = verdict;
  const quota = { limit, period: "none", used, remaining: limit - used, resetsAt: null };
  return JSON.stringify({ valid, code: "valid", keyId, owner: OWNER, version: 1, scopes: SCOPES, quota }).padEnd(bytes);
}

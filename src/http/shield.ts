import { problem } from "./problem.ts";

/**
 * The shield against floods of bad credentials: counts failed authentications per client address, and answers 429 to
 * an address that has too many. Only a failure is ever counted, so traffic with a valid key is never slowed and never
 * refused for what others do behind the same address.
 *
 * It counts with the platform's rate-limit binding, which is per location and approximate. That is good enough for a
 * flood and would not be for a quota: nothing that a key is promised depends on it. Without the binding, or without an
 * address, nothing is shielded.
 *
 * @param failed the answer to the failed authentication, which stands while the address is below its limit.
 */
export async function shielded(
  shield: RateLimit | undefined,
  address: string | null,
  requestId: string,
  failed: Response,
): Promise<Response> {
  if (shield === undefined || address === null) return failed;
  const { success } = await shield.limit({ key: address });
  return success ? failed : problem("too-many-failures", { requestId, headers: { "retry-after": RETRY_AFTER } });
}

/** The longest period that the platform's binding knows, in seconds. */
const RETRY_AFTER = "60";

/** Whether a refusal is a failed authentication: the credential was not ours, or no longer anybody's. */
export const isFailedAuthentication = ({ status }: Response): boolean => status === 401;

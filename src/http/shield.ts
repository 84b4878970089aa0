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
 * @param answer stands as it is unless it is a failed authentication from an address that has too many.
 */
export async function shielded(
  shield: RateLimit | undefined,
  address: string | null,
  requestId: string,
  answer: Response,
): Promise<Response> {
  if (!isFailedAuthentication(answer) || (await isBelowLimit(shield, address))) return answer;
  return tooManyFailures(requestId);
}

/** Counts one failure of an address. False: it has too many. */
export async function isBelowLimit(shield: RateLimit | undefined, address: string | null): Promise<boolean> {
  if (shield === undefined || address === null) return true;
  return (await shield.limit({ key: address })).success;
}

export const tooManyFailures = (requestId: string): Response =>
  problem("too-many-failures", { requestId, headers: { "retry-after": RETRY_AFTER } });

/** The longest period that the platform's binding knows, in seconds. */
const RETRY_AFTER = "60";

/**
 * Whether an answer says that a credential was presented and failed: `invalid_token` is RFC 6750's word for it. A
 * request without any has guessed nothing, and a browser that asks for an icon is no flood.
 */
const isFailedAuthentication = ({ status, headers }: Response): boolean =>
  status === 401 && (headers.get("www-authenticate") ?? "").includes('error="invalid_token"');

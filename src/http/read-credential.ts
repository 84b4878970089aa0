import type { CredentialHeader } from "../env.ts";
import { parseCredential, type ParsedCredential } from "../key/credential.ts";

/** The credential that counts, or why none does. Nothing about it is proven: checksum and tag are judged later. */
export type CredentialReading =
  | { readonly ok: true; readonly credential: ParsedCredential; readonly header: CredentialHeader }
  | { readonly ok: false; readonly code: "missing-credentials" | "ambiguous-credentials" | "invalid-key" };

/**
 * Finds the one credential of a request in `Authorization: Bearer` or `X-API-Key`.
 *
 * A header that does not have the grammar of our credentials belongs to somebody else (often a user's JWT) and is left
 * alone, as long as the other one holds ours. Two of ours are refused even if they are equal: which one counts must
 * not depend on who reads.
 *
 * @param allowed the headers in which a credential may stand; the others are not looked at.
 */
export function readCredential(headers: Headers, allowed: readonly CredentialHeader[]): CredentialReading {
  let found: Extract<CredentialReading, { ok: true }> | null = null;
  let othersThere = false;
  for (const header of allowed) {
    const value = headers.get(header);
    const presented = value === null ? ABSENT : header === "authorization" ? readBearer(value) : readPlain(value);
    if (presented === SEVERAL) return { ok: false, code: "ambiguous-credentials" };
    if (presented === NOT_OURS) othersThere = true;
    if (typeof presented === "string") continue;
    if (found !== null) return { ok: false, code: "ambiguous-credentials" };
    found = { ok: true, credential: presented, header };
  }
  return found ?? { ok: false, code: othersThere ? "invalid-key" : "missing-credentials" };
}

/** Whether a credential of ours stands in the text as a word of its own: between spaces, commas or the text's ends. */
export const namesCredential = (text: string): boolean =>
  text.split(/[\s,]+/).some((word) => parseCredential(word) !== null);

const ABSENT = "absent";
const NOT_OURS = "not ours";
const SEVERAL = "several";
type Presented = ParsedCredential | typeof ABSENT | typeof NOT_OURS | typeof SEVERAL;

/** The scheme is case-insensitive and followed by one or more spaces (RFC 9110 section 11.4, RFC 6750 section 2.1). */
function readBearer(value: string): Presented {
  const single = /^bearer +([^\s,]+)$/i.exec(value);
  if (single !== null) return parseCredential(single[1]!) ?? NOT_OURS;
  // The runtime joins repeated headers with commas, so a second Authorization header looks like this.
  if (!/(?:^|,)\s*bearer(?:[\s,]|$)/i.test(value)) return ABSENT;
  return namesCredential(value) ? SEVERAL : NOT_OURS;
}

function readPlain(value: string): Presented {
  return parseCredential(value) ?? (namesCredential(value) ? SEVERAL : NOT_OURS);
}

import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomUUID } from "node:crypto";
import type { Pepper } from "../../src/key/credential.ts";

const INFO = "rekey: a repeated answer";

function derived(secret: string | Uint8Array, salt: string) {
  const bytes = Buffer.from(hkdfSync("sha256", secret, salt, INFO, 44));
  return { key: bytes.subarray(0, 32), iv: bytes.subarray(32) };
}

/** A seal as it was made before a pepper was mixed in: of the header alone, so that whoever guesses it has all. */
export function sealedBefore(credential: string, header: string): string {
  const salt = randomUUID().replaceAll("-", "");
  const { key, iv } = derived(header, salt);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  const sealed = cipher.update(credential, "utf8", "base64url") + cipher.final("base64url");
  return `${salt}.${sealed}.${cipher.getAuthTag().toString("hex")}`;
}

/** What people write who think of no generator: a verb and a day, of eleven years. */
export const DATED_HEADERS: readonly string[] = Array.from({ length: 11 * 365 }, (_, day) => {
  const date = new Date(Date.UTC(2016, 0, 1 + day)).toISOString().slice(0, 10);
  return ["rotate", "create", "self"].map((verb) => `${verb}-${date}`);
}).flat();

/**
 * Tries every dated header on a seal, in every way that is known of how seals were and are made.
 * @param peppers those that the attacker has: none lies in the storage.
 */
export function guessed(
  seal: string,
  peppers: readonly Pepper[] = [],
): { readonly header: string; readonly credential: string; readonly tries: number } | null {
  const [salt, sealed, tag] = seal.split(".").slice(-3) as [string, string, string];
  for (const [at, header] of DATED_HEADERS.entries()) {
    const keyed = peppers.map(({ secret }) => createHmac("sha256", secret).update(`${INFO}\n${header}`).digest());
    const unkeyed = createHmac("sha256", "").update(`${INFO}\n${header}`).digest();
    for (const secret of [header, unkeyed, ...keyed]) {
      const { key, iv } = derived(secret, salt);
      const decipher = createDecipheriv("aes-256-gcm", key, iv);
      try {
        decipher.setAuthTag(Buffer.from(tag, "hex"));
        const credential = decipher.update(sealed, "base64url", "utf8") + decipher.final("utf8");
        return { header, credential, tries: at + 1 };
      } catch {
        // Another header.
      }
    }
  }
  return null;
}

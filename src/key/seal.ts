import { randomBase62, type Random } from "./base62.ts";

const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const IV_BYTES = 12;
const SALT_WIDTH = 32;
/**
 * The platform's own, asked for when there is something to seal: to load it costs every start some milliseconds, and
 * most isolates never need it.
 */
const native = () => process.getBuiltinModule("node:crypto");

/** Demanded in full, because a shorter tag, which the cipher would take as well, is easier to guess. */
const TAG = { authTagLength: 16 };

/**
 * Encrypts a credential under a key that is derived from the caller's header: `<salt>.<ciphertext>.<tag>`.
 *
 * The salt is fresh each time and both key and initialisation vector are derived with it, so no pair is ever used
 * twice. Source: HKDF with SHA-256 (RFC 5869), AES-256-GCM (NIST SP 800-38D).
 */
export function seal(credential: string, header: string, random: Random): string {
  const salt = randomBase62(SALT_WIDTH, random);
  const { key, iv } = sealingKey(header, salt);
  const cipher = native().createCipheriv(CIPHER, key, iv, TAG);
  const sealed = cipher.update(credential, "utf8", "base64url") + cipher.final("base64url");
  return `${salt}.${sealed}.${cipher.getAuthTag().toString("hex")}`;
}

/** Opens a seal with the header it was made with; `null` with any other. */
export function unseal(text: string, header: string): string | null {
  const [salt, sealed, tag] = text.split(".");
  if (salt === undefined || sealed === undefined || tag === undefined) return null;
  const { key, iv } = sealingKey(header, salt);
  const decipher = native().createDecipheriv(CIPHER, key, iv, TAG);
  try {
    decipher.setAuthTag(Uint8Array.from(tag.match(/../g) ?? [], (byte) => parseInt(byte, 16)));
    return decipher.update(sealed, "base64url", "utf8") + decipher.final("utf8");
  } catch {
    // The tag does not fit: another header, or altered bytes.
    return null;
  }
}

function sealingKey(header: string, salt: string): { readonly key: Uint8Array; readonly iv: Uint8Array } {
  const bytes = new Uint8Array(
    native().hkdfSync("sha256", header, salt, "rekey: a repeated answer", KEY_BYTES + IV_BYTES),
  );
  return { key: bytes.subarray(0, KEY_BYTES), iv: bytes.subarray(KEY_BYTES) };
}

import { randomBase62, type Random } from "./base62.ts";
import type { Pepper } from "./credential.ts";

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

/** The peppers of the deployment: the one that seals, and all with which a seal may have been made. */
export type Peppers = { readonly signing: Pepper; readonly all: readonly Pepper[] };

/** The layout before a pepper was mixed in had three parts and no number in front. */
const VERSION = "2";

/**
 * Encrypts a credential under a key that is derived from the caller's header and a pepper:
 * `2.<pepper id>.<salt>.<ciphertext>.<tag>`.
 *
 * So whoever has a copy of the storage, in which no pepper lies, can try no header; and whoever has the peppers as well
 * still has to find the header. The salt is fresh each time and both key and initialisation vector are derived with it,
 * so no pair is ever used twice. Source: HKDF with SHA-256 (RFC 5869), AES-256-GCM (NIST SP 800-38D).
 */
export function seal(
  credential: string,
  header: string,
  { signing }: Pick<Peppers, "signing">,
  random: Random,
): string {
  const salt = randomBase62(SALT_WIDTH, random);
  const { key, iv } = derived(peppered(header, signing), salt);
  const cipher = native().createCipheriv(CIPHER, key, iv, TAG);
  const sealed = cipher.update(credential, "utf8", "base64url") + cipher.final("base64url");
  return [VERSION, signing.id, salt, sealed, cipher.getAuthTag().toString("hex")].join(".");
}

/**
 * Opens a seal with the header it was made with; `null` with any other, and where its pepper is no longer known.
 * A seal of the layout before needs no pepper; ten minutes after an upgrade none is left that may be opened.
 */
export function unseal(text: string, header: string, { all }: Pick<Peppers, "all">): string | null {
  const parts = text.split(".");
  if (parts.length === 3) return opened(parts, header);
  const [version, pepperId, ...rest] = parts;
  const pepper = all.find(({ id }) => id === pepperId);
  if (version !== VERSION || pepper === undefined || rest.length !== 3) return null;
  return opened(rest, peppered(header, pepper));
}

function opened([salt, sealed, tag]: readonly string[], secret: string | Uint8Array): string | null {
  const { key, iv } = derived(secret, salt!);
  const decipher = native().createDecipheriv(CIPHER, key, iv, TAG);
  try {
    decipher.setAuthTag(Uint8Array.from(tag!.match(/../g) ?? [], (byte) => parseInt(byte, 16)));
    return decipher.update(sealed!, "base64url", "utf8") + decipher.final("utf8");
  } catch {
    // The tag does not fit: another header, or altered bytes.
    return null;
  }
}

/** What a pepper also tags are credentials; none of them begins like this. */
const peppered = (header: string, { secret }: Pepper): Uint8Array =>
  native().createHmac("sha256", secret).update(`rekey: a repeated answer\n${header}`).digest();

function derived(secret: string | Uint8Array, salt: string): { readonly key: Uint8Array; readonly iv: Uint8Array } {
  const bytes = new Uint8Array(
    native().hkdfSync("sha256", secret, salt, "rekey: a repeated answer", KEY_BYTES + IV_BYTES),
  );
  return { key: bytes.subarray(0, KEY_BYTES), iv: bytes.subarray(KEY_BYTES) };
}

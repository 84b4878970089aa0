import { isBase62, randomBase62, toBase62, type Random } from "./base62.ts";
import { crc32 } from "./crc32.ts";
import { hmacKey, hmacSha256, type HmacKey } from "./hmac.ts";
import { sameText } from "./same-text.ts";
import { sha256 } from "./sha256.ts";

/**
 * The text of a key, as a client holds it: `<prefix>_<body>`.
 *
 * The body has a fixed width and is read from the right, so that the prefix may contain `_`:
 *
 *     format 1 · pepper id 1 · key id 16 (95 bits) · secret 32 (190 bits) · tag 11 (64 bits) · checksum 6
 *
 * - The *format* character lets the layout change one day without guessing.
 * - The *key id* tells the edge which object to ask.
 * - The *tag* is a truncated HMAC-SHA-256 over everything before it. It lets the Worker refuse a forgery without any
 *   I/O; it does not make a credential valid, only the key's object does.
 * - The *checksum* is CRC-32 over everything before it. Scanners and clients can spot a typing error offline; it stops
 *   no attacker.
 */
const FORMAT = "1";
const KEY_ID_WIDTH = 16;
const SECRET_WIDTH = 32;
const TAG_WIDTH = 11;
const CHECKSUM_WIDTH = 6;
const TAGGED_WIDTH = FORMAT.length + 1 + KEY_ID_WIDTH + SECRET_WIDTH;
const BODY_WIDTH = TAGGED_WIDTH + TAG_WIDTH + CHECKSUM_WIDTH;

/** `[a-z][a-z0-9_]*`, at most 20 characters: what may stand before the body. */
export const PREFIX = /^[a-z][a-z0-9_]{0,19}$/;
const KEY_ID = new RegExp(`^key_[0-9A-Za-z]{${KEY_ID_WIDTH}}$`);

/** `key_` and 16 base62 characters. Names the key's object and the key in every record; no secret. */
export type KeyId = string & { readonly __kind: "key-id" };

export const isKeyId = (text: string): text is KeyId => KEY_ID.test(text);

/** A fresh key id. Only an id: no key exists until its object was told to create one. */
export const newKeyId = (random: Random): KeyId => `key_${randomBase62(KEY_ID_WIDTH, random)}` as KeyId;

/**
 * The key id that belongs to a text: the same text, the same id.
 * A create that is repeated with the same Idempotency-Key thereby meets the object of its first attempt.
 */
export function keyIdFrom(text: string): KeyId {
  const digest = sha256(encoder.encode(text));
  return `key_${toBase62(wordsOf(digest, 8), KEY_ID_WIDTH)}` as KeyId;
}

/** One secret of the deployment under which credentials are tagged; `id` is the character that credentials carry. */
export type Pepper = { readonly id: string; readonly secret: Uint8Array };

/** What a text that has the grammar of a credential says about itself. Nothing here is proven yet. */
export type ParsedCredential = {
  readonly text: string;
  readonly prefix: string;
  readonly pepperId: string;
  readonly keyId: KeyId;
};

/**
 * Reads a text that has the grammar of a credential, or `null`. Neither checksum nor tag is judged here: whether a
 * string *looks like ours* decides which header counts, whether it *is* ours is `isTagged`.
 */
export function parseCredential(text: string): ParsedCredential | null {
  const bodyAt = text.length - BODY_WIDTH;
  if (bodyAt < 2 || bodyAt > 21 || text[bodyAt - 1] !== "_" || text[bodyAt] !== FORMAT) return null;
  const prefix = text.slice(0, bodyAt - 1);
  if (!PREFIX.test(prefix) || !isBase62(text.slice(bodyAt))) return null;
  const keyIdAt = bodyAt + FORMAT.length + 1;
  return {
    text,
    prefix,
    pepperId: text[bodyAt + FORMAT.length]!,
    keyId: `key_${text.slice(keyIdAt, keyIdAt + KEY_ID_WIDTH)}` as KeyId,
  };
}

/**
 * Whether the credential was made by this deployment: its checksum is right and its tag was made with one of the
 * peppers. Anything else is junk that no key's object needs to hear of.
 */
export function isTagged(credential: ParsedCredential, peppers: readonly Pepper[]): boolean {
  const { text, pepperId } = credential;
  const checksumAt = text.length - CHECKSUM_WIDTH;
  if (text.slice(checksumAt) !== checksum(text.slice(0, checksumAt))) return false;
  const pepper = peppers.find(({ id }) => id === pepperId);
  if (pepper === undefined) return false;
  const tagAt = checksumAt - TAG_WIDTH;
  const expected = tag(text.slice(0, tagAt), pepper);
  return sameText(text.slice(tagAt, checksumAt), expected);
}

/** What a new secret is made with. `prefix` must match `PREFIX`. */
export type Minting = { readonly prefix: string; readonly pepper: Pepper; readonly random: Random };

/** Mints the text of a new credential for a key. The caller hands it to its holder once and keeps only its digest. */
export function mint(keyId: KeyId, { prefix, pepper, random }: Minting): string {
  const secret = randomBase62(SECRET_WIDTH, random);
  const tagged = `${prefix}_${FORMAT}${pepper.id}${keyId.slice("key_".length)}${secret}`;
  const withTag = tagged + tag(tagged, pepper);
  return withTag + checksum(withTag);
}

/** The last four characters, by which people tell credentials apart. They belong to the checksum, not to the secret. */
export const hintOf = (credential: string): string => `…${credential.slice(-4)}`;

/** A credential, or one that was cut off behind its secret, or has something glued to it. */
const LOOKS_LIKE_CREDENTIAL = new RegExp(`[a-z][a-z0-9_]{0,19}_${FORMAT}[0-9A-Za-z]{${TAGGED_WIDTH - 1},}`, "g");

/** The text with everything that looks like a credential taken out, for whatever ends in a log. A whole one leaves its hint. */
export const redact = (text: string): string =>
  text.replace(LOOKS_LIKE_CREDENTIAL, (found) =>
    parseCredential(found) === null ? "[redacted]" : `[redacted ${hintOf(found)}]`,
  );

const tag = (tagged: string, pepper: Pepper): string =>
  toBase62(wordsOf(hmacSha256(keyOf(pepper), encoder.encode(tagged)), 2), TAG_WIDTH);

const keys = new WeakMap<Pepper, HmacKey>();

function keyOf(pepper: Pepper): HmacKey {
  let known = keys.get(pepper);
  if (known === undefined) keys.set(pepper, (known = hmacKey(pepper.secret)));
  return known;
}

/** The first words of a hash, as unsigned 32-bit integers, the most significant byte first. */
function wordsOf(hash: Uint8Array, count: number): number[] {
  const words: number[] = [];
  for (let at = 0; at < 4 * count; at += 4) {
    words.push(((hash[at]! << 24) | (hash[at + 1]! << 16) | (hash[at + 2]! << 8) | hash[at + 3]!) >>> 0);
  }
  return words;
}

const checksum = (text: string): string => toBase62([crc32(text)], CHECKSUM_WIDTH);

const encoder = new TextEncoder();

/** What a header must be from which a secret can be had again. Says what to do, for the refusal and the reference. */
export const HARD_TO_GUESS =
  "22 to 255 visible ASCII characters that hold at least 128 random bits, because whoever has it can have the secret again: " +
  "a version 4 UUID (crypto.randomUUID(), uuidgen), 32 hex digits (openssl rand -hex 16), " +
  "or 22 characters of base64 in capitals and small letters (openssl rand -base64 16)";

const VISIBLE = /^[\x21-\x7e]{22,255}$/;

/** Other versions count time, a machine or a name: a stranger can count too. */
const RANDOM_UUID = /(?<![0-9a-z])[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}(?![0-9a-z])/gi;
const HEX = /(?<![0-9a-z])[0-9a-f]{32,}(?![0-9a-z])/gi;
/** Either alphabet of base64. */
const BASE64 = /[A-Za-z0-9+/_-]{22,}/g;
const DATE = /(?:19|20)[0-9]{2}[-_/]?[01][0-9][-_/]?[0-3][0-9]/;
/** Without letters, as many digits hold 128 bits. */
const DIGITS = 39;

/**
 * Whether a text has in it what a generator of at least 128 random bits writes (a UUID has 122, and counts): a version
 * 4 UUID, 32 hex digits, or 22 characters of base64. Anything may stand around it.
 *
 * Randomness cannot be seen, only its form: what people write by hand (names, dates, counters, one character over and
 * over) does not have it. Of texts that were drawn at random fewer than one in 30,000 is refused, and another one is soon drawn.
 */
export function isHardToGuess(text: string): boolean {
  if (!VISIBLE.test(text)) return false;
  if ((text.match(RANDOM_UUID) ?? []).some((uuid) => varies(uuid, 6))) return true;
  if ((text.match(HEX) ?? []).some((hex) => varies(hex, 6) && (/[a-f]/i.test(hex) || hex.length >= DIGITS)))
    return true;
  return (text.match(BASE64) ?? []).some(
    (run) => /[A-Z]/.test(run) && /[a-z]/.test(run) && varies(run, 10) && !DATE.test(run) && !isUuid(run),
  );
}

const varies = (text: string, least: number): boolean => new Set(text.toLowerCase().replaceAll("-", "")).size >= least;

/** One of another version in mixed letters is still no base64. */
const isUuid = (run: string): boolean => /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i.test(run);

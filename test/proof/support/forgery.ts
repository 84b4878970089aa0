import { crc32 } from "node:zlib";
import type { Dice } from "../../support/dice.ts";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Characters of the body in front of the tag, of the tag, and of the checksum, as the contract of credentials has it. */
const TAGGED = 1 + 1 + 16 + 32;
const TAG = 11;
const CHECKSUM = 6;

const digits = (roll: Dice, length: number): string =>
  Array.from({ length }, () => DIGITS.charAt(roll.below(DIGITS.length))).join("");

/** With the checksum behind it that belongs there: anybody can make one. */
export function checksummed(text: string): string {
  let checksum = "";
  for (let rest = crc32(text); checksum.length < CHECKSUM; rest = Math.floor(rest / 62))
    checksum = DIGITS[rest % 62] + checksum;
  return text + checksum;
}

/** A credential as anybody can make one who has read how they are built: all of it right but the tag. */
export const forged = (roll: Dice): string => checksummed(`rk_live_1a${digits(roll, TAGGED - 2 + TAG)}`);

/** Something that looks more or less like this credential and is another text. */
export function spoiled(credential: string, roll: Dice): string {
  const text = roll.pick(SPOILS)(credential, roll);
  return text === credential ? forged(roll) : text;
}

type Spoil = (credential: string, roll: Dice) => string;

const putAt = (text: string, at: number, piece: string, instead = piece.length): string =>
  text.slice(0, at) + piece + text.slice(at + instead);

const ODD = [
  "",
  " ",
  "\t",
  ",",
  ";",
  ".",
  "%00",
  "%2e",
  "\\",
  '"',
  "_",
  "=",
  "é",
  "ÿ",
  "Bearer ",
  "rk_live_1a",
  "__proto__",
];

const SPOILS: readonly Spoil[] = [
  (_credential, roll) => forged(roll),
  // A digit is another one, as a typing error or as a guess that mends the checksum.
  (credential, roll) => putAt(credential, roll.below(credential.length), digits(roll, 1)),
  (credential, roll) => {
    const text = credential.slice(0, -CHECKSUM);
    return checksummed(putAt(text, text.length - 1 - roll.below(TAGGED + TAG), digits(roll, 1)));
  },
  // The tag of another pepper, of none, of an empty one.
  (credential, roll) => {
    const text = credential.slice(0, -CHECKSUM);
    return checksummed(putAt(text, text.length - TAG - TAGGED + 1, digits(roll, 1)));
  },
  (credential, roll) => checksummed(putAt(credential.slice(0, -CHECKSUM), 0, roll.pick(["xx", "RK", "__", "0k"]))),
  (credential, roll) => checksummed(credential.slice(0, -CHECKSUM - TAG) + roll.pick(["0", "z"]).repeat(TAG)),
  // Too short, too long, twice, backwards, in the other case.
  (credential, roll) => credential.slice(0, roll.below(credential.length)),
  (credential, roll) => credential.slice(1 + roll.below(credential.length - 1)),
  (credential, roll) => credential + digits(roll, 1 + roll.below(roll.pick([3, 2_000]))),
  (credential) => credential + credential,
  (credential) => credential.split("").toReversed().join(""),
  (credential, roll) => (roll.onceIn(2) ? credential.toUpperCase() : credential.toLowerCase()),
  // Something in it that has no place there.
  (credential, roll) => putAt(credential, 1 + roll.below(credential.length - 1), roll.pick(ODD), roll.below(2)),
  (_credential, roll) =>
    Array.from({ length: roll.below(200) }, () => String.fromCharCode(0x21 + roll.below(94))).join(""),
  (_credential, roll) =>
    Array.from({ length: roll.below(200) }, () => String.fromCharCode(0xa0 + roll.below(96))).join(""),
];

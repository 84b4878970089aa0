import { randomBytes } from "node:crypto";
import { isTagged, mint, newKeyId, parseCredential } from "../../../src/key/credential.ts";
import { digestOf, sameDigest } from "../../../src/key/digest.ts";
import { dice, type Dice } from "../../support/dice.ts";
import { checksummed } from "../support/forgery.ts";
import type { Campaign } from "./campaign.ts";

/** Beyond it two means differ for a reason: the threshold of Welch's t that leakage assessments use. */
const SUSPICIOUS = 4.5;

/** One act is shorter than the clock can tell: so many of them are one measurement. */
const ACTS = 40;
const WARM_UP = 3_000;

/** What took longer than this share of all measurements was interrupted by something else. */
const KEPT = 0.9;

/** A judgement about two kinds of guesses; if it takes them equally long, its time does not tell which kind it was. */
type Contest = {
  readonly name: string;
  readonly judge: (guess: string) => boolean;
  /** Make one that is wrong at the beginning, and one that is wrong at the end. */
  readonly guesses: readonly [() => string, () => string];
};

/**
 * Whether the time of a comparison tells how much of a guess was right. Guesses that are wrong at the beginning and at
 * the end take turns by chance; the means of their times are compared by Welch's t, which a comparison in constant time
 * does not drive beyond 4.5. The control is one that stops where the guess is wrong: it must be found out.
 *
 * That a forgery is refused sooner than a wrong secret, because it never leaves the Worker, is accepted.
 */
export const C9: Campaign = {
  name: "C9",
  title: "time that would tell how much of a guess was right, in process",
  short: 0,
  full: 200_000,
  unit: "measurements",
  isTimed: true,
  async run(size, seed, progress) {
    const counts: Record<string, number> = {};
    const violations: string[] = [];
    const contests = [digests(), tags(), leaky()];
    for (const [at, contest] of contests.entries()) {
      const t = Math.abs(welch(measure(contest, size / contests.length, dice(seed + at))));
      counts[`|t| of ${contest.name}`] = Number(t.toFixed(1));
      const isLeaky = at === contests.length - 1;
      if (isLeaky !== t >= SUSPICIOUS) violations.push(`${contest.name}: |t| is ${t.toFixed(1)}`);
      progress(Math.round((size * (at + 1)) / contests.length));
      await new Promise(setImmediate);
    }
    return { counts, violations };
  },
};

const pepper = { id: "a", secret: randomBytes(32) };
const mintOne = (): string => mint(newKeyId(randomly), { prefix: "rk_live", pepper, random: randomly });
const randomly = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);

/** The same text with another character at this place. */
const wrongAt = <Text extends string>(text: Text, at: number): Text => {
  const place = (at + text.length) % text.length;
  const other = text[place] === "x" ? "y" : "x";
  return (text.slice(0, place) + other + text.slice(place + 1)) as Text;
};

/** The same text, and not one that is still put together. */
const inOnePiece = (text: string): string => Buffer.from(text).toString();

function digests(): Contest {
  const stored = digestOf(mintOne());
  return {
    name: "digests of secrets",
    judge: (guess) => sameDigest(guess as typeof stored, stored),
    guesses: [() => wrongAt(stored, 0), () => wrongAt(stored, -1)],
  };
}

/** Refusals that the Worker makes by itself: forgeries whose checksum is right. */
function tags(): Contest {
  const [TAG, CHECKSUM] = [11, 6];
  const forgery = (at: number) => () => checksummed(wrongAt(mintOne().slice(0, -CHECKSUM), at));
  return {
    name: "tags of forgeries",
    judge: (guess) => isTagged(parseCredential(guess)!, [pepper]),
    guesses: [forgery(-TAG), forgery(-1)],
  };
}

/** The control. */
function leaky(): Contest {
  const stored = digestOf(mintOne());
  const judge = (guess: string): boolean => {
    for (let at = 0; at < stored.length; at++) if (guess[at] !== stored[at]) return false;
    return true;
  };
  return {
    name: "the control, which stops where the guess is wrong",
    judge,
    guesses: [() => wrongAt(stored, 0), () => wrongAt(stored, -1)],
  };
}

type Sample = { readonly kind: 0 | 1; readonly ns: number };

function measure({ judge, guesses }: Contest, size: number, roll: Dice): readonly Sample[] {
  const samples: Sample[] = [];
  let passed = 0;
  for (let at = -WARM_UP; at < size; at++) {
    const kind = roll.pick([0, 1] as const);
    // Another one each time: how long one text takes, for what its checksum is or where it lies, is not its kind's doing.
    const guess = inOnePiece(guesses[kind]());
    const began = process.hrtime.bigint();
    for (let act = 0; act < ACTS; act++) if (judge(guess)) passed += 1;
    const ns = Number(process.hrtime.bigint() - began);
    if (at >= 0) samples.push({ kind, ns });
  }
  if (passed > 0) throw new Error("a wrong guess passed");
  const limit = samples.map(({ ns }) => ns).toSorted((a, b) => a - b)[Math.floor(samples.length * KEPT)] ?? 0;
  return samples.filter(({ ns }) => ns <= limit);
}

/** Welch's t of the two kinds. */
function welch(samples: readonly Sample[]): number {
  const [a, b] = ([0, 1] as const).map((kind) => momentsOf(samples.filter((each) => each.kind === kind)));
  return (a!.mean - b!.mean) / Math.sqrt(a!.variance / a!.count + b!.variance / b!.count);
}

function momentsOf(samples: readonly Sample[]) {
  const count = samples.length;
  const mean = samples.reduce((sum, { ns }) => sum + ns, 0) / count;
  const variance = samples.reduce((sum, { ns }) => sum + (ns - mean) ** 2, 0) / (count - 1);
  return { count, mean, variance };
}

import type { Admission } from "../key/admission.ts";
import type { Verdict } from "../key/admit.ts";
import type { Digest } from "../key/digest.ts";
import type { Reason } from "../key/refusal.ts";

type Refused = Extract<Verdict, { admitted: false }>;

/**
 * Reasons for which a secret is dead for good: it was replaced and has no grace, or its key was revoked. Neither is ever
 * undone. What can be undone (a suspension, an end that can be moved, a spent quota, a key that may yet be created) is
 * not among them.
 */
const FOR_GOOD: ReadonlySet<Reason> = new Set<Reason>(["key-rotated", "key-revoked"]);

/** How many dead secrets an isolate remembers; the one that was noted first makes room. */
const MOST = 4_096;

/** How often the key's object is asked about one all the same, in milliseconds: it counts, and people want to hear of it. */
export const ASKED_AGAIN_MS = 1_000;

/**
 * After how long an isolate forgets what it was told, in milliseconds: an object whose storage was restored to an earlier
 * time knows secrets again that were dead, and what is remembered here may refuse them for so long.
 */
const FORGOTTEN_MS = 60_000;

type Dead = { readonly verdict: Refused; readonly at: number; askedAt: number; refused: number };

/**
 * Secrets that are dead for good, as far as this isolate was told by their keys' objects. What is dead is refused here,
 * so that a flood with it costs the living key nothing: its object hears of it once a second, and how many it was.
 *
 * It can only refuse, and only what the object itself has refused. Nobody is ever admitted from it.
 */
export class DeadSecrets {
  readonly #dead = new Map<Digest, Dead>();

  /**
   * What to answer without asking anybody; `null`: the object has to be asked, with `alsoRefused` in the question.
   * @param now the Worker's time, in milliseconds.
   */
  recall({ presented, explain, onlyOwner, dryRun }: Admission, now: number): Refused | null {
    const dead = this.#dead.get(presented);
    // To whom a key does not exist, it is not even dead.
    if (dead === undefined || explain === true || onlyOwner !== undefined) return null;
    // A clock that steps back makes nobody remember for longer.
    if (now - dead.at >= FORGOTTEN_MS || now < dead.at) {
      this.#dead.delete(presented);
      return null;
    }
    if (now - dead.askedAt >= ASKED_AGAIN_MS) return null;
    // Whoever only asks leaves no trace.
    if (!dryRun) dead.refused += 1;
    return dead.verdict;
  }

  /** The question as the object gets it: with how many were refused in its place since it was last asked. */
  withCount(admission: Admission, now: number): Admission {
    const dead = this.#dead.get(admission.presented);
    if (dead === undefined) return admission;
    dead.askedAt = now;
    if (admission.dryRun) return admission;
    const { refused } = dead;
    dead.refused = 0;
    return refused === 0 ? admission : { ...admission, alsoRefused: refused };
  }

  /** The object did not answer: what it was to be told of is told with the next question. */
  unanswered({ presented, alsoRefused = 0 }: Admission): void {
    const dead = this.#dead.get(presented);
    if (dead !== undefined) dead.refused += alsoRefused;
  }

  /** Notes what an object said, if it is for good. */
  note({ presented }: Admission, verdict: Verdict, now: number): void {
    if (verdict.admitted || !FOR_GOOD.has(verdict.refusal.reason)) {
      this.#dead.delete(presented);
      return;
    }
    const known = this.#dead.get(presented);
    this.#dead.delete(presented);
    if (this.#dead.size >= MOST) this.#dead.delete(this.#dead.keys().next().value!);
    // Without what belongs to the one request that it was about.
    const { explanation: _of, ...same } = verdict;
    this.#dead.set(presented, { verdict: same, at: now, askedAt: known?.askedAt ?? now, refused: known?.refused ?? 0 });
  }
}

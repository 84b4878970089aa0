import { hashOf, isForgotten, wholeHashOf, type EventHash, type Head, type Link } from "./chain.ts";
import type { EpochMs } from "./time.ts";

/** An event as the ledger has it. `hash` is `null` in a row from before the chain that was not told again yet. */
export type LedgerLink = Link & { readonly owner: string | null; readonly hash: EventHash | null };

/**
 * The first thing that is wrong with a history: at which sequence, and what.
 *
 * `altered`: the row is not the event that the key's object wrote. `removed`: the event is not there. `inserted`: the row
 * stands where no event is. Two rows cannot have one number, so what was inserted in the middle reads as altered.
 */
export type Fault = {
  readonly sequence: number;
  readonly kind: "altered" | "removed" | "inserted";
  readonly message: string;
};

/** What the key's object says of its history. */
export type Account = {
  readonly head: Head;
  /** The ledger has every event up to this sequence, as far as the object knows. */
  readonly delivered: number;
  readonly owner: string | null;
  /** Behind which sequence the chain begins: 0, or the last event before a purge, which forgot all before it. */
  readonly begins: number;
  /** Hashes of events that the object still holds, in their order. Those of the part that is looked at are among them. */
  readonly heads: readonly Head[];
};

/** How far the ledger's rows are right, and the first one that is not; `null`: all that were looked at are. */
export type Verified = {
  readonly through: Head;
  readonly fault: Fault | null;
  readonly recoveries: readonly Recovery[];
};

/**
 * Events that the key's object learnt of from the ledger, after it had been restored to an earlier time: `last` and all
 * from `first` on. The object cannot vouch for them.
 */
export type Recovery = { readonly first: number; readonly last: number };

/**
 * Follows the chain from a link that is known to be right through rows of the ledger, in the order of their sequence.
 *
 * What the object still holds is compared with its own hashes, so the first row that is wrong is named even if somebody
 * has computed all later hashes anew. Of what it no longer holds only the newest must fit: whoever recomputed the chain
 * from an old row on is found at the first event that the object holds.
 *
 * @param forgottenUntil what happened later is too young for anything about it to have been forgotten.
 */
export function follow(from: Head, rows: readonly LedgerLink[], account: Account, forgottenUntil: EpochMs): Verified {
  const held = new Map(account.heads.map(({ sequence, hash }) => [sequence, hash]));
  let through = from;
  const recoveries: Recovery[] = [];
  for (const row of rows) {
    const sequence = through.sequence + 1;
    if (row.sequence > sequence) return { through, fault: removed(sequence), recoveries };
    if (row.sequence > account.head.sequence) {
      return { through, fault: inserted(row.sequence, `the key has had ${account.head.sequence} events`), recoveries };
    }
    // From before the chain. The object has it on its agenda to tell the ledger again.
    if (row.hash === null && row.sequence > account.delivered) return { through, fault: null, recoveries };
    const hash = hashIn(through.hash, row);
    const message =
      isForgotten(row) && row.at > forgottenUntil
        ? "What was seen was forgotten before its time."
        : faultOf(row, hash, held, account.owner);
    if (message !== null) return { through, fault: { sequence, kind: "altered", message }, recoveries };
    through = { sequence, hash };
    if (row.type === "key.recovered") recoveries.push(...recoveryOf(row));
  }
  return { through, fault: null, recoveries };
}

/** What the hash of a row must be. A sighting may have been told by a release that hashed all of it. */
function hashIn(previous: EventHash, row: LedgerLink): EventHash {
  const hash = hashOf(previous, row);
  if (row.hash === hash) return hash;
  const whole = wholeHashOf(previous, row);
  return row.hash === whole ? whole : hash;
}

function recoveryOf({ detail }: LedgerLink): Recovery[] {
  const { sequence } = JSON.parse(detail) as { readonly sequence: { readonly before: number; readonly after: number } };
  return sequence.after > sequence.before ? [{ first: sequence.before + 1, last: sequence.after }] : [];
}

/** What is wrong with the place at which the ledger's part of a history begins, as far as the object can tell. */
export function anchorFault({ sequence, hash }: Head, { head }: Account): Fault | null {
  if (sequence < head.sequence || (sequence === head.sequence && hash === head.hash)) return null;
  return { sequence, kind: "altered", message: "What was kept of the newest event that was deleted is not its hash." };
}

/** What is missing at the end: everything that was delivered must be there. */
export const missingAfter = (through: Head, { delivered }: Account): Fault | null =>
  through.sequence < delivered ? removed(through.sequence + 1) : null;

/** What was deleted for its age and was not of that age: by somebody who has put the hash of the last one in its place. */
export const deletedYoung = (sequence: number): Fault => ({
  sequence,
  kind: "removed",
  message:
    "The event was deleted as if for its age, with all before it; the key's object holds it, and it is younger than EVENTS_RETENTION_DAYS, unless that was less then.",
});

export const inserted = (sequence: number, because: string): Fault => ({
  sequence,
  kind: "inserted",
  message: `There is no event with this number: ${because}.`,
});

const removed = (sequence: number): Fault => ({
  sequence,
  kind: "removed",
  message: "The event was delivered to the ledger and is not there.",
});

function faultOf(
  row: LedgerLink,
  hash: EventHash,
  held: ReadonlyMap<number, EventHash>,
  owner: string | null,
): string | null {
  const known = held.get(row.sequence);
  if (known !== undefined && known !== hash) {
    return held.has(row.sequence - 1) || row.hash !== hash
      ? "The row is not the event that the key's object wrote."
      : "This event or one before it was altered, and the chain computed anew; the key's object no longer holds those.";
  }
  if (row.hash !== hash) return "The row does not have the hash that its contents and the row before it make.";
  return row.owner === owner ? null : "The row names another owner than the key has.";
}

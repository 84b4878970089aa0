/**
 * Places at which a key's object under test can be made to end, as a crash of its machine would end it, or at which its
 * storage fails. They lie around the object, in what it is given: its own code, and what is deployed, contain none.
 */
export const ABORT_POINTS = [
  "before the write",
  "in the write",
  "after the write",
  "after the sync",
  "by a write that fails",
  "by a sync that fails",
  "before the delivery",
  "after the delivery",
  "in the alarm",
] as const;
export type AbortPoint = (typeof ABORT_POINTS)[number];

/** Stands for whichever object is created next. */
export const NEXT_KEY = "the next key";

import type { Stopper } from "./authority.ts";

/** Where an owner stands. `revoked` is final. */
export type OwnerStanding = "active" | "suspended" | "revoked";

/**
 * What an owner's object has decided about all of its keys. `revision` grows with each decision, so that orders that
 * arrive late or twice change nothing, and a key that is created meanwhile meets the newest.
 */
export type OwnerOrder = {
  readonly revision: number;
  readonly standing: OwnerStanding;
  /** On whose authority; absent, an operator's. */
  readonly by?: Stopper;
};

/** The newer of two orders. */
export const newerOrder = (a: OwnerOrder | null, b: OwnerOrder | null): OwnerOrder | null =>
  a === null || (b !== null && b.revision > a.revision) ? b : a;

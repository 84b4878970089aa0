import type { EpochMs } from "../key/time.ts";

/** The name under which the ledger keeps how far the walk is. */
export const RECONCILE = "reconcile";

/** How many keys were asked, had something to tell the ledger, were restored ones, did not answer. */
type Found = {
  readonly keys: number;
  readonly caughtUp: number;
  readonly recovered: number;
  readonly silent: number;
};

/** A walk through the ledger's keys, and what the last one that came to its end found. */
export type Walk = Found & {
  readonly epoch: string;
  /** Behind which id it goes on; `null`: it is over. */
  readonly after: string | null;
  readonly beganAt: EpochMs;
  readonly last: (Found & { readonly endedAt: EpochMs }) | null;
};

import type { Ask } from "../key-object/rpc.ts";
import type { KeyId } from "../key/credential.ts";
import type { OwnerOrder, OwnerStanding } from "../key/owner-order.ts";

/** What an owner's object can be asked over RPC. Answers with values, as a key's object does. */
export interface OwnerRpc {
  /**
   * Enters a key that is about to be created, so that a decision about its owner reaches it from now on, and says what
   * the owner's standing is. Nothing is entered under a revoked owner. Called before the key's object is.
   */
  register(owner: string, keyId: KeyId): Promise<OwnerOrder>;
  /** Takes a key off the roll that was purged. If this is lost, the next decision finds out. */
  forget(keyId: KeyId): Promise<void>;
  /** Decides for all keys of the owner, and answers how far the decision has come. Asking again goes on from there. */
  decide(owner: string, standing: OwnerStanding, ask: Ask): Promise<OwnerAnswer>;
}

export type OwnerAnswer =
  | ({ readonly done: true } & OwnerProgress)
  /** A revoked owner stays revoked. `not-found`: nobody has ever heard of this owner. `forbidden`: an operator decided. */
  | { readonly done: false; readonly because: "owner-revoked" | "not-found" | "forbidden" };

export type OwnerProgress = {
  readonly standing: OwnerStanding;
  /** How many keys are entered, and how many of their objects have acknowledged the decision. */
  readonly keys: number;
  readonly acknowledged: number;
  /** How many are out of reach for whoever decided: they hold more authority and stay as they are. */
  readonly forbidden: number;
  /** Whether the ledger was searched for keys that were never entered. */
  readonly ledger: "searched" | "pending" | "unreachable";
};

/** The longest that `decide` takes to answer, in milliseconds: whatever is not done by then goes on without the caller. */
export const DECIDE_MS = 5_000;

import type { KeyId } from "./credential.ts";
import type { OwnerOrder } from "./owner-order.ts";
import type { Receipt } from "./receipt.ts";

/** What is known of an id under which no key stands: not yet, or not any more. Like an unknown id it admits nobody. */
export type Vacancy = Awaited | Purged;

/** The owner's order came before the key; a creation that is still under way must meet it. */
export type Awaited = { readonly kind: "awaited"; readonly ownerOrder: OwnerOrder };

/** A tombstone: the id is never used again, and a late retry of the creation is not a new one. */
export type Purged = {
  readonly kind: "purged";
  readonly keyId: KeyId;
  readonly owner: string | null;
  /** Of the key's last event. */
  readonly sequence: number;
  readonly creation: Receipt | null;
};

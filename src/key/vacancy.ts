import type { KeyId } from "./credential.ts";
import { newerOrder, type OwnerOrder } from "./owner-order.ts";
import type { Receipt } from "./receipt.ts";

/** What is known of an id under which no key stands: not yet, or not any more. Like an unknown id it admits nobody. */
export type Vacancy = Awaited | Purged;

/**
 * An owner's order came before the key; a creation that is still under way must meet it. An order of each owner that
 * expects a key here: a creation that was repeated for another owner is refused, but was entered in that owner's roll.
 */
export type Awaited = {
  readonly kind: "awaited";
  readonly ownerOrders: readonly { readonly owner: string; readonly order: OwnerOrder }[];
};

/** What the key's owner has ordered before the key existed. */
export const awaitedOrder = (vacancy: Vacancy | null, owner: string | null): OwnerOrder | null =>
  vacancy?.kind === "awaited" ? (vacancy.ownerOrders.find((awaited) => awaited.owner === owner)?.order ?? null) : null;

/** The vacancy after one more order; the same object if it brings nothing new. */
export function withAwaited(vacancy: Vacancy | null, owner: string, order: OwnerOrder): Vacancy {
  const known = awaitedOrder(vacancy, owner);
  if (vacancy?.kind === "purged" || (known !== null && newerOrder(known, order) === known)) return vacancy!;
  const others = vacancy?.ownerOrders.filter((awaited) => awaited.owner !== owner) ?? [];
  return { kind: "awaited", ownerOrders: [...others, { owner, order }] };
}

/** A tombstone: the id is never used again, and a late retry of the creation is not a new one. */
export type Purged = {
  readonly kind: "purged";
  readonly keyId: KeyId;
  readonly owner: string | null;
  /** Of the key's last event. */
  readonly sequence: number;
  readonly creation: Receipt | null;
};

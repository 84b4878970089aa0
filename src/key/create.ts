import type { Circumstance } from "./change.ts";
import { unused, type Key, type Profile, type Secret, type Step } from "./key.ts";
import { makeEvent } from "./event-making.ts";
import type { OwnerOrder } from "./owner-order.ts";
import { NO_RECEIPTS, recall, remember, type Idempotency, type Sealing } from "./receipt.ts";
import type { Peppers } from "./seal.ts";
import type { EpochMs } from "./time.ts";
import type { Purged } from "./vacancy.ts";

/** A secret that was just minted: its text for its holder, what is kept of it, and with what its text may be sealed. */
export type Fresh = { readonly credential: string; readonly secret: Secret; readonly sealing: Sealing };

export type Creation =
  | { readonly done: true; readonly credential: string }
  | { readonly done: false; readonly because: "conflict" | "owner-revoked" | RepeatRefusal };

export type RepeatRefusal = "idempotency-mismatch" | "idempotency-expired";

export type CreateOptions = {
  readonly expiresAt: EpochMs | null;
  /** The newest order of the owner; never `revoked`, under which nothing is created. */
  readonly ownerOrder: OwnerOrder | null;
  readonly idempotency: Idempotency | null;
};

/** Brings a key into being with its first secret. Under a suspended owner it begins stopped, as its owner's other keys. */
export function create(
  profile: Profile,
  { expiresAt, ownerOrder, idempotency }: CreateOptions,
  fresh: Fresh,
  { now, by, on = "operator" }: Circumstance,
): Step<Creation> {
  const { credential, secret, sealing } = fresh;
  const key: Key = {
    profile,
    standing: {
      version: 1,
      revision: 1,
      sequence: 1,
      secret,
      retired: [],
      rotatedAt: null,
      recentRotations: [],
      alerted: {},
      suspendedAt: null,
      suspendedBy: null,
      revokedAt: null,
      expiresAt,
      endSetAt: null,
      operatorsEnd: on === "operator" && profile.kind === "token" ? expiresAt : null,
      ownerOrder,
    },
    use: unused(profile, now),
    reservations: new Map(),
    receipts: remember(NO_RECEIPTS, idempotency, { credential, version: 1 }, now, sealing),
  };
  const detail = { version: 1, name: profile.name, scopes: profile.scopes };
  return {
    key,
    events: [makeEvent(1, "key.created", { now, by }, detail)],
    answer: { done: true, credential },
  };
}

/** A creation that meets a tombstone: nothing is ever created there again. */
export function createAfterPurge(
  { creation }: Purged,
  idempotency: Idempotency | null,
  now: EpochMs,
): Extract<Creation, { done: false }> {
  const receipts = { seen: creation === null ? [] : [creation], repeat: null };
  const recalled = idempotency === null ? null : recall(receipts, idempotency, now, { all: [] });
  return { done: false, because: recalled?.found && "because" in recalled ? recalled.because : "conflict" };
}

/** A creation that meets an existing key: the repeat of the very call that made it, or a conflict. */
export function createAgain(
  key: Key,
  idempotency: Idempotency | null,
  now: EpochMs,
  peppers: Pick<Peppers, "all">,
): Creation {
  const recalled = idempotency === null ? ({ found: false } as const) : recall(key.receipts, idempotency, now, peppers);
  if (!recalled.found) return { done: false, because: "conflict" };
  if ("because" in recalled) return { done: false, because: recalled.because };
  return { done: true, credential: recalled.credential };
}

import type { Admission } from "../key/admission.ts";
import type { Verdict } from "../key/admit.ts";
import type { AmendCommand, Amended } from "../key/amend.ts";
import type { CreditCommand, Credited } from "../key/credit.ts";
import type { Authority } from "../key/authority.ts";
import type { Suspension } from "../key/standing.ts";
import type { Client } from "../key/client.ts";
import type { Account } from "../key/chain-proof.ts";
import type { Creation } from "../key/create.ts";
import type { Digest } from "../key/digest.ts";
import type { By, KeyEvent } from "../key/event.ts";
import type { Profile } from "../key/key.ts";
import type { OwnerOrder } from "../key/owner-order.ts";
import type { Idempotency } from "../key/receipt.ts";
import type { KeyRecord } from "../key/record.ts";
import type { LedgerView } from "../key/recover.ts";
import type { Refusal } from "../key/refusal.ts";
import type { ReservationId } from "../key/reservation.ts";
import type { Settlement } from "../key/settle.ts";
import type { RotateCommand, Rotation, SelfRotateCommand, SelfRotation } from "../key/rotate.ts";

/**
 * What a key's object can be asked over RPC, by both planes. Every method answers with a value; a method throws only
 * when the object cannot decide at all, and then the asker must fail closed.
 *
 * During a deploy old callers meet new objects and the other way round: fields may be added, never renamed or removed
 * within one release.
 */
export interface KeyRpc {
  /** Brings the key into being. Its secret is minted here; the credential leaves with this answer and is never stored. */
  create(command: CreateCommand): Promise<Decided<CreateAnswer>>;
  /** Decides one request and spends what it costs. Never repeat this call by hand: it may have been counted. */
  admit(admission: Admission): Promise<Decided<Verdict>>;

  // On somebody's authority, which is judged in the same step as the change.
  rotate(command: RotateCommand & Ask): Promise<Decided<Reached<WithRecord<Rotation>>>>;
  revoke(ask: Ask): Promise<Decided<Reached<WithRecord<Suspension>>>>;
  suspend(ask: Ask): Promise<Decided<Reached<WithRecord<Suspension>>>>;
  resume(ask: Ask): Promise<Decided<Reached<WithRecord<Suspension>>>>;
  amend(command: AmendCommand & Ask): Promise<Decided<Reached<WithRecord<Amended>>>>;
  credit(command: CreditCommand & Ask): Promise<Decided<Reached<WithRecord<Credited>>>>;
  /** Forgets the key and its personal data; a tombstone stays. Asking again is not an error. */
  purge(ask: Ask): Promise<Decided<Reached<PurgeAnswer>>>;
  /** The live record; spends nothing. */
  read(ask: ReadAsk): Promise<Decided<Reached<{ readonly record: KeyRecord }>>>;
  /** Events with a sequence below `before`, newest first, at most `limit`. */
  events(ask: EventsAsk): Promise<Decided<Reached<{ readonly events: readonly KeyEvent[] }>>>;
  /** The addresses from which the key was used lately, the latest first. */
  clients(ask: ReadAsk): Promise<Decided<Reached<{ readonly clients: readonly Client[] }>>>;

  /** How far the chain of the key's events goes, and the hashes of those with a sequence above `after`, oldest first. */
  account(ask: AccountAsk): Promise<Decided<Reached<Account>>>;

  /** Charges what a reservation really cost and gives the rest back, once. Works in any standing of the key. */
  settle(command: SettleCommand): Promise<Decided<WithRecord<Settlement | NotForOneself>>>;

  // On the authority of the key's own secret.
  readSelf(ask: SelfAsk): Promise<Decided<SelfAnswer>>;
  rotateSelf(command: SelfRotateCommand & Cause): Promise<Decided<WithRecord<SelfRotation>>>;
  /** Ends the key for whoever holds its secret, from anywhere and in any standing. */
  revokeSelf(ask: { readonly presented: Digest } & Cause): Promise<Decided<SelfAnswer>>;

  /** From the cron only: what the ledger knows of the key, which makes good what the ledger lacks. */
  reconcile(view: LedgerView): Promise<Reconciled>;

  /** From the owner's object only. Reaches also an id whose creation is still under way. */
  obey(command: OwnerCommand): Promise<Obedience>;
}

/**
 * Exchanges that outlive their admission are attached to the key's object by a WebSocket, opened with `fetch` at this
 * address. `ATTACH_HEADER` says what is wanted, as URI-encoded JSON of an `Attach`.
 *
 * An attachment that is granted answers 101. For an admission the verdict is the socket's first message; one that is
 * refused is the body of a 200. An attachment to a version that no longer holds answers 410; its body is the reason, as
 * is that of a close with `CUT`.
 */
export const ATTACH_URL = "https://key-object/exchanges";
export const ATTACH_HEADER = "rekey-attach";

export type Attach =
  /** Admit, and take a slot for as long as the socket is open. */
  | { readonly admission: Admission }
  /** Watch over an exchange that was admitted under a version, and hold its slot again if it has one. */
  | { readonly version: number; readonly slot: boolean };

/** The close code that means: the key has ended, end the exchange. Any other means: attach again and ask. */
export const CUT = 4401;

/** Strictly increasing per object, as `<boot>.<n>`; `null` where no key stands. */
export type Decided<Answer> = Answer & { readonly decision: string | null };

/** A target that does not exist for the one who asks, or is stronger, is an answer and not an error. */
export type Reached<Answer> =
  | ({ readonly reached: true } & Answer)
  | { readonly reached: false; readonly because: "not-found" }
  /** `detail`: what keeps the caller from it, for people. Absent: the key is stronger, or the caller itself. */
  | { readonly reached: false; readonly because: "forbidden"; readonly detail?: string };

export const NOT_FOUND = { reached: false, because: "not-found" } as const;

/** The answer of a change that took place comes with the record as it is afterwards. */
export type WithRecord<Answer> = Answer extends { readonly done: true }
  ? Answer & { readonly record: KeyRecord }
  : Answer;

/** Who causes a change, and why. */
export type Cause = { readonly by: By; readonly reason: string | null };

/** A change on somebody's authority. */
export type Ask = Cause & { readonly authority: Authority };

/** What an owner's object tells the keys of its roll, on the authority of whoever asked for it. */
export type OwnerCommand = Ask & { readonly owner: string; readonly order: OwnerOrder };

/**
 * A key that holds more authority than the one who asks is not changed by way of its owner either. `gone`: it was purged,
 * and no key will ever be there again.
 */
export type Obedience =
  { readonly done: true; readonly gone?: true } | { readonly done: false; readonly because: "forbidden" };

export type CreateCommand = {
  readonly by: By;
  /** On whose authority. Absent from a Worker of an earlier release. */
  readonly authority?: Authority;
  readonly profile: Omit<Profile, "createdAt">;
  /** When the key ends: epoch milliseconds, or so many seconds after its creation, or never. */
  readonly end: { readonly at: number } | { readonly afterSeconds: number } | null;
  /** What the owner's object said when it registered the key; `null` for a key without an owner. */
  readonly ownerOrder: OwnerOrder | null;
  readonly idempotency: Idempotency | null;
};

export type CreateAnswer = WithRecord<Creation>;

/** `owner`: whose roll has no need of the key any more; absent from an object of an earlier release. */
export type PurgeAnswer = { readonly purged: boolean; readonly owner?: string | null };

export type ReadAsk = { readonly authority: Authority };

export type EventsAsk = ReadAsk & { readonly before: number | null; readonly limit: number };

export type AccountAsk = ReadAsk & { readonly after: number; readonly limit: number };

/** Whether the ledger lacked anything, and whether the key did: then it had been restored. */
export type Reconciled = { readonly caughtUp: boolean; readonly recovered: boolean };

/** `onlyOwner`: the only owner whose keys exist for the one who asks; `null`: every owner's. */
export type SettleCommand = {
  readonly id: ReservationId;
  readonly used: number;
  readonly onlyOwner: string | null;
  /** Who settles. Absent from a Worker of an earlier release. */
  readonly authority?: Authority;
};

/** A control key that would settle for itself. */
export type NotForOneself = { readonly done: false; readonly because: "forbidden"; readonly detail: string };

/** `ip`: the client's address as the edge knows it. */
export type SelfAsk = { readonly presented: Digest; readonly ip: string | null };

export type SelfAnswer =
  { readonly done: true; readonly record: KeyRecord } | { readonly done: false; readonly refusal: Refusal };

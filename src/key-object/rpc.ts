import type { Admission, Verdict } from "../key/admit.ts";
import type { RotateCommand, Rotation, Suspension } from "../key/change.ts";
import type { By, KeyEvent } from "../key/event.ts";
import type { Profile } from "../key/key.ts";
import type { KeyRecord } from "../key/record.ts";

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
  rotate(command: RotateCommand & Ask): Promise<Decided<RotateAnswer>>;
  revoke(ask: Ask): Promise<Decided<ChangeAnswer>>;
  suspend(ask: Ask): Promise<Decided<ChangeAnswer>>;
  resume(ask: Ask): Promise<Decided<ChangeAnswer>>;
  /** The live record; spends nothing. */
  read(): Promise<Decided<Found<{ readonly record: KeyRecord }>>>;
  /** Events with a sequence below `before`, newest first, at most `limit`. */
  events(page: { readonly before: number | null; readonly limit: number }): Promise<Decided<Found<EventPage>>>;
}

/** Strictly increasing per object, as `<boot>.<n>`; `null` from an id that was never provisioned. */
export type Decided<Answer> = Answer & { readonly decision: string | null };

/** An id under which no key was ever created is an answer, not an error. */
export type Found<Answer> = ({ readonly found: true } & Answer) | { readonly found: false };

/** Who asks for a change, and why. */
export type Ask = { readonly by: By; readonly reason: string | null };

export type CreateCommand = {
  readonly by: By;
  readonly profile: Omit<Profile, "createdAt">;
  /** When the key ends: epoch milliseconds, or so many seconds after its creation, or never. */
  readonly end: { readonly at: number } | { readonly afterSeconds: number } | null;
};

export type CreateAnswer =
  | { readonly created: true; readonly credential: string; readonly record: KeyRecord }
  /** A key with this id exists already. */
  | { readonly created: false };

export type RotateOutcome =
  | (Extract<Rotation, { rotated: true }> & { readonly credential: string; readonly record: KeyRecord })
  | Extract<Rotation, { rotated: false }>;
export type RotateAnswer = Found<RotateOutcome>;

export type ChangeOutcome = { readonly done: true; readonly record: KeyRecord } | Extract<Suspension, { done: false }>;
export type ChangeAnswer = Found<ChangeOutcome>;

export type EventPage = { readonly events: readonly KeyEvent[] };

import { toBase64url } from "./base64url.ts";
import type { KeyId } from "./credential.ts";
import type { KeyEvent } from "./event.ts";
import { sha256 } from "./sha256.ts";
import type { EpochMs } from "./time.ts";

/**
 * SHA-256 of an event and of the hash of the event before it, base64url without padding (43 characters). Whoever knows
 * the hash of the newest event can tell whether anything before it was altered, removed or inserted.
 */
export type EventHash = string & { readonly __kind: "event-hash" };

/** What stands before the first event of a chain. */
export const GENESIS = "" as EventHash;

/** An event with its place in the chain. */
export type ChainedEvent = KeyEvent & { readonly hash: EventHash };

/** How far a chain goes: the sequence of its newest event, and the hash of that. */
export type Head = { readonly sequence: number; readonly hash: EventHash };

/** An event as the chain sees it. `detail` is the very text that is stored, here as in the ledger. */
export type Link = {
  readonly keyId: string;
  readonly sequence: number;
  readonly type: string;
  readonly at: EpochMs;
  readonly actor: string;
  readonly requestId: string;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly country: string | null;
  readonly detail: string;
};

/** Names what is hashed, so that one serialisation cannot be taken for another. */
const WHOLE = "rekey-event-1";
const IN_TWO = "rekey-event-2";

/** Events of which the ledger forgets in time who it was and what was seen: see `forgotten`. */
export const SIGHTINGS = ["key.refused", "key.alerted"] as const;

const isSighting = (type: string): boolean => SIGHTINGS.some((sighting) => sighting === type);

/**
 * The hash of an event in its place: SHA-256 over the UTF-8 of the JSON array
 * `["rekey-event-1", previous, keyId, sequence, type, at, actor, requestId, ip, userAgent, country, detail]`
 * as `JSON.stringify` writes it: no spaces, `at` in epoch milliseconds, `null` where nothing is known, `detail` as a
 * string that holds the stored JSON text. `previous` is the hash of the event before, and "" for the first of a chain.
 *
 * Of a sighting (`key.refused`, `key.alerted`) it is that of `["rekey-event-2", previous, keyId, sequence, type, at, seen]`
 * with `seen` the SHA-256 of `[actor, requestId, ip, userAgent, country, detail]`, so that these can be forgotten and the
 * chain still proves that there was such an event, and when.
 */
export function hashOf(previous: EventHash, link: Link): EventHash {
  if (!isSighting(link.type)) return wholeHashOf(previous, link);
  const { keyId, sequence, type, at } = link;
  return digestOfAll([IN_TWO, previous, keyId, sequence, type, at, seenIn(link)]);
}

/** The hash of an event as releases made it that forgot nothing of a sighting. */
export function wholeHashOf(previous: EventHash, link: Link): EventHash {
  const { keyId, sequence, type, at, actor, requestId, ip, userAgent, country, detail } = link;
  return digestOfAll([WHOLE, previous, keyId, sequence, type, at, actor, requestId, ip, userAgent, country, detail]);
}

/** The detail of a sighting once the rest is forgotten: it says in `forgotten` what the chain needs, `seen`. */
export const forgotten = (link: Link): string => JSON.stringify({ forgotten: seenIn(link) });

const FORGOTTEN = /^\{"forgotten":"([\w-]{43})"\}$/;

/** Whether nothing is left of a sighting but that there was one. */
export const isForgotten = ({ type, detail }: Pick<Link, "type" | "detail">): boolean =>
  isSighting(type) && FORGOTTEN.test(detail);

const seenIn = ({ actor, requestId, ip, userAgent, country, detail }: Link): string =>
  FORGOTTEN.exec(detail)?.[1] ?? digestOfAll([actor, requestId, ip, userAgent, country, detail]);

const digestOfAll = (fields: readonly unknown[]): EventHash =>
  toBase64url(sha256(encoder.encode(JSON.stringify(fields)))) as EventHash;

const encoder = new TextEncoder();

export const linkOf = (keyId: KeyId, { sequence, type, at, by, detail }: KeyEvent): Link => ({
  keyId,
  sequence,
  type,
  at,
  actor: by.actor,
  requestId: by.requestId,
  ip: by.ip,
  userAgent: by.userAgent,
  country: by.country,
  detail: JSON.stringify(detail),
});

/** The events with their hashes, each over the one before it. */
export function chained(keyId: KeyId, previous: EventHash, events: readonly KeyEvent[]): ChainedEvent[] {
  let hash = previous;
  return events.map((event) => ({ ...event, hash: (hash = hashOf(hash, linkOf(keyId, event))) }));
}

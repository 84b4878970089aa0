import type { Random } from "./base62.ts";
import { digestOf, type Digest } from "./digest.ts";
import { seal, unseal, type Peppers } from "./seal.ts";
import { after, DAY_MS, type EpochMs, MINUTE_MS } from "./time.ts";

/**
 * What is remembered of calls that carried an `Idempotency-Key`, so that an answer that was lost on the way can be had
 * again without the change being made again.
 */
export type Receipts = {
  /** Newest first, bounded. */
  readonly seen: readonly Receipt[];
  /** The newest issued credential, for as long as its answer may be repeated. */
  readonly repeat: Repeat | null;
};

/** One call that was carried out. Kept longer than its repeat, so that a late retry is refused and not done twice. */
export type Receipt = {
  /** Digest of actor and header. The header itself is kept nowhere: with a pepper it opens the seal. */
  readonly header: Digest;
  /** Digest of what was asked for; the same header with another request is a mistake. */
  readonly request: Digest;
  readonly at: EpochMs;
  /** The version of the secret that was issued. */
  readonly version: number;
};

/** An issued credential under a seal that only the caller's header opens, together with a pepper. */
export type Repeat = { readonly header: Digest; readonly sealed: string; readonly validUntil: EpochMs };

/** With what an answer is sealed. */
export type Sealing = { readonly random: Random; readonly peppers: Peppers };

/** What a call that may be repeated brings along: who, the header as it came, and the digest of what is asked for. */
export type Idempotency = { readonly actor: string; readonly header: string; readonly request: Digest };

export const NO_RECEIPTS: Receipts = { seen: [], repeat: null };

/** How long an answer can be repeated, in milliseconds. */
const REPEAT_MS = 10 * MINUTE_MS;
/** How long a receipt is kept, in milliseconds; the one of the creation is kept for ever. */
const KEPT_MS = 7 * DAY_MS;
const KEPT = 256;

export type Recall =
  | { readonly found: false }
  | { readonly found: true; readonly receipt: Receipt; readonly credential: string }
  | {
      readonly found: true;
      readonly receipt: Receipt;
      readonly because: "idempotency-mismatch" | "idempotency-expired";
    };

/** Looks a call up among those that were carried out. Comes before anything else is judged. */
export function recall(
  receipts: Receipts,
  idempotency: Idempotency,
  now: EpochMs,
  peppers: Pick<Peppers, "all">,
): Recall {
  const header = headerDigest(idempotency);
  const receipt = receipts.seen.find((seen) => seen.header === header);
  if (receipt === undefined) return { found: false };
  if (receipt.request !== idempotency.request) return { found: true, receipt, because: "idempotency-mismatch" };
  const { repeat } = receipts;
  const credential =
    repeat !== null && repeat.header === header && now < repeat.validUntil
      ? unseal(repeat.sealed, idempotency.header, peppers)
      : null;
  return credential === null
    ? { found: true, receipt, because: "idempotency-expired" }
    : { found: true, receipt, credential };
}

/** Remembers a call that issued a credential. What could be repeated until now no longer can. */
export function remember(
  receipts: Receipts,
  idempotency: Idempotency | null,
  issued: { readonly credential: string; readonly version: number },
  now: EpochMs,
  { random, peppers }: Sealing,
): Receipts {
  const seen = receipts.seen.filter(isKept(now));
  if (idempotency === null) return receipts.repeat === null ? receipts : { seen, repeat: null };
  const header = headerDigest(idempotency);
  const receipt: Receipt = { header, request: idempotency.request, at: now, version: issued.version };
  const sealed = seal(issued.credential, idempotency.header, peppers, random);
  return { seen: bounded([receipt, ...seen]), repeat: { header, sealed, validUntil: after(now, REPEAT_MS) } };
}

/** The receipts after the issued credential was used, or must not be had again. */
export const withoutRepeat = (receipts: Receipts): Receipts =>
  receipts.repeat === null ? receipts : { ...receipts, repeat: null };

/** The receipt of the creation: it issued version 1, and is kept as long as the id exists. */
export const isOfCreation = ({ version }: Receipt): boolean => version === 1;

const isKept =
  (now: EpochMs) =>
  (receipt: Receipt): boolean =>
    isOfCreation(receipt) || now < receipt.at + KEPT_MS;

function bounded(seen: readonly Receipt[]): readonly Receipt[] {
  if (seen.length <= KEPT) return seen;
  const creation = seen.filter(isOfCreation);
  return [...seen.filter((receipt) => !isOfCreation(receipt)).slice(0, KEPT - creation.length), ...creation];
}

/** The actor is part of it: somebody else's header is another header. */
const headerDigest = ({ actor, header }: Idempotency): Digest => digestOf(`${actor}\n${header}`);

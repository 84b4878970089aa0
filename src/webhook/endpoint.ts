import { after, type EpochMs } from "../key/time.ts";
import type { WebhookId } from "./id.ts";
import { RETRY_AFTER_MS } from "./retry.ts";
import type { WebhookSecret } from "./signature.ts";

/** Bounds of what people set. */
export const WEBHOOK_BOUNDS = {
  urlLength: 2_048,
  descriptionLength: 256,
  events: 32,
  /** Of one owner, and as many that belong to nobody. */
  endpointsOfOwner: 20,
  /** A week. */
  overlapSeconds: 7 * 24 * 60 * 60,
} as const;

export const DEFAULT_OVERLAP_SECONDS = 24 * 60 * 60;

/** `failing`: no message arrived for almost three days. `gone`: the receiver said 410. */
export const DISABLING_REASONS = ["failing", "gone"] as const;
export type DisablingReason = (typeof DISABLING_REASONS)[number];

/** Where the messages of one subscription go, and how that went lately. Replaced whole, never edited in place. */
export type Endpoint = {
  readonly id: WebhookId;
  /** `null`: it is told of every owner's keys; otherwise of this owner's only. Never changed. */
  readonly owner: string | null;
  readonly url: string;
  readonly description: string | null;
  /** Types of events, and patterns of them. */
  readonly events: readonly string[];
  readonly createdAt: EpochMs;
  /** Counts the changes that the ledger's list shows. */
  readonly revision: number;
  /** `null`: it is active. */
  readonly disabledBecause: DisablingReason | null;
  /** Since when every attempt has failed; `null`: the last one did not. */
  readonly failingSince: EpochMs | null;
  readonly failuresInARow: number;
  /** How many secrets it has had. */
  readonly version: number;
  /** Newest first. All of them sign until their end; the newest has none. */
  readonly secrets: readonly { readonly text: WebhookSecret; readonly validUntil: EpochMs | null }[];
};

/** What people say of a new one. */
export type NewEndpoint = Pick<Endpoint, "id" | "owner" | "url" | "description" | "events">;

/** What people may change. */
export type EndpointAmendment = Partial<Pick<Endpoint, "url" | "description" | "events">>;

/**
 * How long nothing may arrive before an endpoint is given up, in milliseconds: as long as one message is retried, so
 * that a single message that is given up is enough, if it is all there is.
 */
export const GIVE_UP_MS = RETRY_AFTER_MS.reduce((sum, wait) => sum + wait);

/** However fast secrets are rotated, no more than so many sign at once. */
const SECRETS_AT_ONCE = 4;

export const signingSecrets = ({ secrets }: Endpoint, now: EpochMs): readonly WebhookSecret[] =>
  secrets.filter(({ validUntil }) => validUntil === null || now < validUntil).map(({ text }) => text);

/** An endpoint that is just being made: active, with its first secret. */
export const created = (wanted: NewEndpoint, secret: WebhookSecret, now: EpochMs): Endpoint => ({
  ...wanted,
  createdAt: now,
  revision: 1,
  disabledBecause: null,
  failingSince: null,
  failuresInARow: 0,
  version: 1,
  secrets: [{ text: secret, validUntil: null }],
});

export const amended = (endpoint: Endpoint, amendment: EndpointAmendment): Endpoint => ({
  ...endpoint,
  ...amendment,
  revision: endpoint.revision + 1,
});

/**
 * Puts a new secret in the place of the old one, which goes on signing beside it while the overlap lasts: receivers take
 * the new one over in between, and miss nothing. Without an overlap every older secret ends at once: one that leaked.
 */
export function rotated(endpoint: Endpoint, secret: WebhookSecret, overlapSeconds: number, now: EpochMs): Endpoint {
  const end = after(now, overlapSeconds * 1000);
  const retired = endpoint.secrets
    .map(({ text, validUntil }) => ({ text, validUntil: validUntil === null || validUntil > end ? end : validUntil }))
    .filter(({ validUntil }) => now < validUntil);
  return {
    ...endpoint,
    version: endpoint.version + 1,
    secrets: [{ text: secret, validUntil: null }, ...retired].slice(0, SECRETS_AT_ONCE),
  };
}

/** Begins anew: what failed before no longer counts. */
export function resumed(endpoint: Endpoint): Endpoint {
  const { revision, disabledBecause } = endpoint;
  return {
    ...endpoint,
    revision: disabledBecause === null ? revision : revision + 1,
    disabledBecause: null,
    failingSince: null,
    failuresInARow: 0,
  };
}

/** The endpoint after a message has arrived. The same object if nothing changes. */
export const afterSuccess = (endpoint: Endpoint): Endpoint =>
  endpoint.failuresInARow === 0 ? endpoint : { ...endpoint, failingSince: null, failuresInARow: 0 };

/** The endpoint after an attempt has failed. One that nothing has reached for too long is disabled. */
export function afterFailure(endpoint: Endpoint, now: EpochMs, isGone: boolean): Endpoint {
  const failingSince = endpoint.failingSince ?? now;
  const failed = { ...endpoint, failingSince, failuresInARow: endpoint.failuresInARow + 1 };
  if (endpoint.disabledBecause !== null) return failed;
  if (isGone) return { ...failed, disabledBecause: "gone", revision: endpoint.revision + 1 };
  if (now < failingSince + GIVE_UP_MS) return failed;
  return { ...failed, disabledBecause: "failing", revision: endpoint.revision + 1 };
}

import type { Reason } from "../key/refusal.ts";

/** What one code means on the wire. `explanation` is the text of the page at `/_rekey/problems/<code>`. */
export type Wire = { readonly status: number; readonly title: string; readonly explanation: string };

/**
 * Every code a caller can meet: one closed list. A new code does not compile anywhere before it has a row here, and
 * each row has a page at `/_rekey/problems/<code>`.
 */
export const CODES = {
  "missing-credentials": {
    status: 401,
    title: "The request carries no API key.",
    explanation: "Send the key as `Authorization: Bearer <key>` or as `X-API-Key: <key>`.",
  },
  "ambiguous-credentials": {
    status: 400,
    title: "The request carries more than one API key.",
    explanation: "Send exactly one key in exactly one header, without commas or spaces around it.",
  },
  "credentials-in-url": {
    status: 400,
    title: "The URL contains an API key.",
    explanation:
      "URLs end up in logs and histories, so a key in one is refused. Send it in a header, and rotate it: it was exposed.",
  },
  "invalid-key": {
    status: 401,
    title: "The API key is not valid.",
    explanation:
      "The text is not a key of this service. Check that it was copied whole; a key cannot be looked up again.",
  },
  "key-rotated": {
    status: 401,
    title: "This API key has been replaced by a newer one.",
    explanation: "The key was rotated and this secret is dead. Use the newest secret, or ask the key's owner for it.",
  },
  "key-revoked": {
    status: 401,
    title: "This API key was revoked.",
    explanation: "A revoked key never works again. Ask for a new one.",
  },
  "key-suspended": {
    status: 401,
    title: "This API key is suspended.",
    explanation: "The key was stopped for now and may be resumed by the operator.",
  },
  "owner-suspended": {
    status: 401,
    title: "The owner of this API key is suspended.",
    explanation: "All keys of this owner were stopped for now and may be resumed by the operator.",
  },
  "key-expired": {
    status: 401,
    title: "This API key has expired.",
    explanation: "The key reached the end of its life. Ask for a new one, or for a later end.",
  },
  "insufficient-scope": {
    status: 403,
    title: "This API key lacks a scope that the request needs.",
    explanation: "The key is valid but not for this. The `WWW-Authenticate` header names the scopes that are needed.",
  },
  "ip-not-allowed": {
    status: 403,
    title: "This API key may not be used from this address.",
    explanation: "The key is bound to certain networks and the request came from elsewhere.",
  },
  "rate-limited": {
    status: 429,
    title: "Too many requests with this API key.",
    explanation: "Wait as long as `Retry-After` says. The refused request was not counted and used no quota.",
  },
  "quota-exceeded": {
    status: 429,
    title: "The quota of this API key is used up.",
    explanation:
      "Wait for the next period as `Retry-After` says. Without `Retry-After` the quota does not refill: ask for more.",
  },
  "rotation-required": {
    status: 403,
    title: "This API key must be rotated before it is used again.",
    explanation: "Its secret has had its uses or its time. Rotate it, for instance with `POST /_rekey/v1/self/rotate`.",
  },
  "concurrency-exceeded": {
    status: 429,
    title: "Too many requests with this API key are open at once.",
    explanation: "Wait until one of them has ended. The refused request was not counted and used no quota.",
  },
  "too-many-failures": {
    status: 429,
    title: "Too many failed attempts from this address.",
    explanation: "This address presented many keys that are not valid. A valid key works all the same, from here too.",
  },
  "cost-exceeds-limit": {
    status: 429,
    title: "The request costs more than this API key can ever spend at once.",
    explanation:
      "Waiting does not help: the cost is above the limit itself. Make the request smaller or raise the limit.",
  },
  unavailable: {
    status: 503,
    title: "The key could not be decided just now.",
    explanation: "Nobody is let in undecided. Try again after `Retry-After` seconds.",
  },
  "ledger-unavailable": {
    status: 503,
    title: "The ledger cannot be read just now.",
    explanation:
      "Keys are still admitted, rotated and revoked; only lists and searches have to wait. Try again shortly.",
  },
  misconfigured: {
    status: 503,
    title: "This deployment is not configured.",
    explanation: "A setting is missing or cannot be used, so nothing is served. The Worker's log names the setting.",
  },
  "origin-unreachable": {
    status: 502,
    title: "The API behind the gateway could not be reached.",
    explanation: "The key was admitted, the origin did not answer.",
  },
  "origin-timeout": {
    status: 504,
    title: "The API behind the gateway did not answer in time.",
    explanation: "The key was admitted, the origin took too long.",
  },
  "invalid-request": {
    status: 400,
    title: "The request cannot be understood.",
    explanation: "`errors` lists everything that is wrong with it. Nothing was changed.",
  },
  "invalid-path": {
    status: 400,
    title: "The path cannot be read in one way only.",
    explanation: "Paths that different servers read differently are refused instead of guessed.",
  },
  "not-found": {
    status: 404,
    title: "There is nothing here.",
    explanation: "The path or the id is not known.",
  },
  "method-not-allowed": {
    status: 405,
    title: "This method is not allowed here.",
    explanation: "The `Allow` header lists the methods that are.",
  },
  "payload-too-large": {
    status: 413,
    title: "The request body is too large.",
    explanation: "Bodies of control requests may have 64 KiB; those to the API what its route allows.",
  },
  "header-too-large": {
    status: 431,
    title: "The request headers are too large.",
    explanation: "Send fewer or shorter headers.",
  },
  "websocket-not-allowed": {
    status: 403,
    title: "WebSockets are not allowed here.",
    explanation: "The path takes plain requests only. A rule of the deployment may allow WebSockets elsewhere.",
  },
  conflict: {
    status: 409,
    title: "The request conflicts with the key as it is.",
    explanation: "Read the key's record, then decide again.",
  },
  "version-conflict": {
    status: 409,
    title: "The key has been rotated since.",
    explanation:
      "`currentVersion` is the version that holds. Nothing was changed; exactly one of two racing rotations wins.",
  },
  "owner-revoked": {
    status: 409,
    title: "The owner was revoked.",
    explanation: "A revoked owner gets no new keys. Nothing was created.",
  },
  forbidden: {
    status: 403,
    title: "This is out of reach for the credential that asks.",
    explanation:
      "A control key can change or grant only what its own `rekey:` scopes cover, and never itself: it may only revoke or suspend itself. What lies beyond its `boundary`, `detail` names.",
  },
  "precondition-failed": {
    status: 412,
    title: "The key has been changed since.",
    explanation: "`If-Match` names another revision than the one that holds. Read the record again, then decide.",
  },
  "idempotency-mismatch": {
    status: 422,
    title: "This Idempotency-Key was used for another request.",
    explanation: "Use a new Idempotency-Key for a new request. Nothing was changed.",
  },
  "idempotency-expired": {
    status: 409,
    title: "The request was carried out before, and its answer is no longer kept.",
    explanation:
      "Answers are kept for ten minutes, and only until the new secret is first used. Nothing was done twice. If the secret was lost, rotate again with a new Idempotency-Key.",
  },
} as const satisfies Record<string, Wire>;

export type Code = keyof typeof CODES;

/**
 * What a caller is told of a refusal. One answer for everything a stranger may hold: it must not tell whether the
 * string was ever a key. Only who proves possession of a secret, current or retired, is told the true reason.
 */
export const CODE_OF_REASON = {
  "unknown-key": "invalid-key",
  "wrong-secret": "invalid-key",
  "key-rotated": "key-rotated",
  "key-revoked": "key-revoked",
  "key-suspended": "key-suspended",
  "owner-suspended": "owner-suspended",
  "key-expired": "key-expired",
  "insufficient-scope": "insufficient-scope",
  "ip-not-allowed": "ip-not-allowed",
  "rate-limited": "rate-limited",
  "quota-exceeded": "quota-exceeded",
  "rotation-required": "rotation-required",
  "concurrency-exceeded": "concurrency-exceeded",
  // Between the Worker and the object only; a Worker that let it out would have failed to ask again.
  "slot-required": "unavailable",
  "cost-exceeds-limit": "cost-exceeds-limit",
} as const satisfies Record<Reason, Code>;

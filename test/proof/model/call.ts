/**
 * What can be asked of a key, and what it answers, in the words of the contract.
 *
 * A secret is named by a text that stands for one credential, a reservation by one that stands for its id; two of them
 * never have the same name. Times are epoch milliseconds, durations milliseconds.
 */
export type Call =
  | Creation
  | Use
  | { readonly do: "settle"; readonly reservation: string; readonly used: number }
  | { readonly do: "read" }
  | Rotation
  | SelfRotation
  | { readonly do: "revoke" | "suspend" | "resume" }
  | { readonly do: "purge" }
  | { readonly do: "revoke-self" | "read-self"; readonly secret: string; readonly ip?: string }
  | { readonly do: "amend"; readonly change: Partial<Rules>; readonly ifMatch: number | null }
  | { readonly do: "credit"; readonly add?: number; readonly set?: number; readonly ifMatch: number | null }
  /** What the owner's object tells each of its keys. May arrive late, twice and in any order. */
  | { readonly do: "obey"; readonly order: number; readonly standing: "active" | "suspended" | "revoked" }
  /** Nobody asks: the key does what its policy has put off until now. May come late, and need not come at all. */
  | { readonly do: "ring" };

export type Use = {
  readonly do: "use";
  readonly secret: string;
  readonly cost: number;
  /** Only asks, takes nothing. */
  readonly dry?: boolean;
  readonly scope?: string;
  readonly ip?: string;
  /** The cost is held as a reservation, to be settled when it is known. */
  readonly reserve?: boolean;
  /** The name of the reservation that it opens, and of the successor that it is handed, if any; absent: nobody heard. */
  readonly opens?: string;
  readonly mints?: string;
};

/** `mints`: the name of the secret that this call issues if it does issue one. `header`: its Idempotency-Key. */
export type Creation = {
  readonly do: "create";
  readonly rules: Rules;
  readonly mints: string;
  readonly header: string | null;
};
export type Rotation = {
  readonly do: "rotate";
  readonly expected: number | null;
  readonly graceMs: number;
  readonly mints: string;
  readonly header: string | null;
};
export type SelfRotation = {
  readonly do: "rotate-self";
  readonly secret: string;
  readonly mints: string;
  readonly header: string | null;
  readonly ip?: string;
};

/** What people set. Scopes are covered only by themselves here, addresses only contain themselves. */
export type Rules = {
  /** Of a session that is created: `null`, its end follows from its lifetime. */
  readonly expiresAt: number | null;
  readonly session: SessionRule | null;
  readonly idleMs: number | null;
  readonly scopes: readonly string[];
  readonly ips: readonly string[] | null;
  readonly quota: QuotaRule | null;
  readonly pace: readonly PaceRule[];
  readonly rotation: RotationRule | null;
  readonly reserveMs: number;
  readonly onTimeout: "charge" | "release";
  readonly selfRotate: boolean;
};
/** `capMs`: how long a session may live in all, from its creation. */
export type SessionRule = { readonly lifetimeMs: number; readonly capMs: number | null };
export type QuotaRule = {
  readonly limit: number;
  readonly period: Period;
  /** IANA name; absent: UTC. */
  readonly zone?: string;
  /** What is left is carried over, up to so much in all; absent: it is lost. */
  readonly cap?: number;
};
export type Period = "none" | "hour" | "day" | "week" | "month" | { readonly everyMs: number; readonly anchor: number };
export type PaceRule = {
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
  /** Absent: `window`. */
  readonly algorithm?: "window" | "sliding" | "bucket";
  /** Of a bucket; absent: the limit. */
  readonly burst?: number;
  /** Absent: `request`. */
  readonly unit?: "request" | "cost";
};
export type RotationRule = {
  readonly afterUses: number | null;
  readonly afterMs: number | null;
  readonly mode: "require" | "issue";
  readonly graceMs: number;
};

/** Rules that stand against nothing. */
export const LENIENT: Rules = {
  expiresAt: null,
  session: null,
  idleMs: null,
  scopes: [],
  ips: null,
  quota: null,
  pace: [],
  rotation: null,
  reserveMs: 24 * 60 * 60_000,
  onTimeout: "charge",
  selfRotate: true,
};

/** An answer: a code of the contract, or the name of what was done, and the facts that come with it. */
export type Answer = { readonly code: string; readonly [fact: string]: unknown };

/**
 * What can be asked of a key, and what it answers, in the words of the contract.
 *
 * A secret is named by a text that stands for one credential; two credentials never have the same name. Times are epoch
 * milliseconds, durations milliseconds.
 */
export type Call =
  | Creation
  /** `dry`: only asks, takes nothing. */
  | {
      readonly do: "use";
      readonly secret: string;
      readonly cost: number;
      readonly dry?: boolean;
      readonly scope?: string;
      readonly ip?: string;
    }
  | { readonly do: "read" }
  | Rotation
  | SelfRotation
  | { readonly do: "revoke" | "suspend" | "resume" }
  | { readonly do: "purge" }
  | { readonly do: "revoke-self" | "read-self"; readonly secret: string; readonly ip?: string }
  | { readonly do: "amend"; readonly change: Partial<Rules>; readonly ifMatch: number | null }
  | { readonly do: "credit"; readonly add?: number; readonly set?: number; readonly ifMatch: number | null }
  /** What the owner's object tells each of its keys. May arrive late, twice and in any order. */
  | { readonly do: "obey"; readonly order: number; readonly standing: "active" | "suspended" | "revoked" };

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
  readonly expiresAt: number | null;
  readonly scopes: readonly string[];
  readonly ips: readonly string[] | null;
  readonly quota: QuotaRule | null;
  readonly pace: readonly PaceRule[];
  readonly selfRotate: boolean;
};
export type QuotaRule = { readonly limit: number; readonly period: "none" | "hour" | "day" | "week" | "month" };
export type PaceRule = { readonly name: string; readonly limit: number; readonly windowMs: number };

/** An answer: a code of the contract, or the name of what was done, and the facts that come with it. */
export type Answer = { readonly code: string; readonly [fact: string]: unknown };

import type { Boundary } from "./policy.ts";
import type { KeyId } from "./credential.ts";
import { covers, isControlScope } from "./scope.ts";
import type { EpochMs } from "./time.ts";

/**
 * On whose authority a control call acts: the deployment's admin, or a control key.
 *
 * Travels into the step of the key's object and is judged there, together with what it is to change: between a check
 * outside and the change inside, the target could have become stronger.
 */
export type Authority =
  | {
      readonly kind: "admin";
      /** The name of the operator; absent: the deployment's own admin token was presented. */
      readonly operator?: string;
    }
  | {
      readonly kind: "control-key";
      readonly keyId: KeyId;
      /** `null` spans the deployment; otherwise only this owner's keys exist for it. */
      readonly owner: string | null;
      readonly scopes: readonly string[];
      /** How far it reaches with the keys of others; absent: as far as its scopes. */
      readonly boundary?: Boundary;
    };

export const ADMIN: Authority = { kind: "admin" };

/** On whose authority something was stopped; `policy`: on nobody's, by a rule of the key's own. */
export type Stopper = "operator" | "control-key" | "policy";

export const stopperOf = ({ kind }: Authority): Stopper => (kind === "admin" ? "operator" : kind);

/**
 * Whether somebody may lift what was stopped on this authority. What an operator has stopped only an operator lifts, and
 * what is not known to be anybody else's counts as an operator's.
 */
export const mayLift = (authority: Authority, stopper: Stopper | null | undefined): boolean =>
  authority.kind === "admin" || stopper === "control-key" || stopper === "policy";

/** What somebody may do to a key: act on it, be told that it is out of reach, or not even learn that it exists. */
export type Judgement = "allowed" | "forbidden" | "not-found";

/** Whether keys of this owner exist for the one who asks. */
export const sees = (authority: Authority, owner: string | null): boolean =>
  authority.kind === "admin" || authority.owner === null || authority.owner === owner;

/**
 * Whether scopes may be granted, or a key that holds them be changed in any way.
 *
 * Only the `rekey:` scopes matter: they are authority over keys, and nobody may hand out, or take over by rotating,
 * more of it than they hold. Every other scope means something to the API behind, not to Rekey.
 */
export const mayGrant = (authority: Authority, scopes: readonly string[]): boolean =>
  authority.kind === "admin" ||
  scopes.filter(isControlScope).every((scope) => authority.scopes.some((held) => covers(held, scope)));

/** `stop`: what leaves a key with less, as a revocation or a suspension. `change`: whatever else is done to it. */
export type Deed = "stop" | "change";

/** The key of which something is asked: as it is before anything is done to it. */
export type Target = { readonly id: KeyId; readonly owner: string | null; readonly scopes: readonly string[] };

/**
 * Judges what somebody does to a key. A control key may stop itself and its equals; whatever else becomes of them, who is
 * stronger decides: a key that it made as strong as itself would otherwise change its maker.
 */
export function judge(authority: Authority, target: Target, deed: Deed): Judgement {
  if (!sees(authority, target.owner)) return "not-found";
  if (deed === "change" && (isSame(authority, target.id) || isEqualled(authority, target))) return "forbidden";
  return mayGrant(authority, target.scopes) ? "allowed" : "forbidden";
}

/** Whether a key could do to the one who asks all that this one could do to it. */
const isEqualled = (authority: Authority, { owner, scopes }: Target): boolean =>
  authority.kind === "control-key" &&
  (owner === null || owner === authority.owner) &&
  authority.scopes.filter(isControlScope).every((scope) => scopes.some((held) => covers(held, scope)));

/** Whether somebody may give a key this end. The one that an operator gave it, a control key only brings forward. */
export const mayEndAt = (
  authority: Authority,
  { operatorsEnd }: { readonly operatorsEnd: EpochMs | null },
  expiresAt: EpochMs | null | undefined,
): boolean =>
  authority.kind === "admin" ||
  expiresAt === undefined ||
  operatorsEnd === null ||
  (expiresAt !== null && expiresAt <= operatorsEnd);

/** The boundary within which somebody makes and changes keys; `null`: none. */
export const boundaryOf = (authority: Authority): Boundary | null =>
  authority.kind === "admin" ? null : (authority.boundary ?? null);

/** Whether the one who asks is this very key. */
export const isSame = (authority: Authority, id: KeyId): boolean =>
  authority.kind === "control-key" && authority.keyId === id;

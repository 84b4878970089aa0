import type { KeyId } from "./credential.ts";
import { covers, isControlScope } from "./scope.ts";

/**
 * On whose authority a control call acts: the deployment's admin, or a control key.
 *
 * Travels into the step of the key's object and is judged there, together with what it is to change: between a check
 * outside and the change inside, the target could have become stronger.
 */
export type Authority =
  | { readonly kind: "admin" }
  | {
      readonly kind: "control-key";
      readonly keyId: KeyId;
      /** `null` spans the deployment; otherwise only this owner's keys exist for it. */
      readonly owner: string | null;
      readonly scopes: readonly string[];
    };

export const ADMIN: Authority = { kind: "admin" };

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

/** The key of which something is asked: as it is, with all scopes that it holds or is to hold. */
export type Target = { readonly id: KeyId; readonly owner: string | null; readonly scopes: readonly string[] };

/** Judges what somebody does to a key. A control key may stop itself; whatever else becomes of it, others decide. */
export function judge(authority: Authority, target: Target, deed: Deed): Judgement {
  if (!sees(authority, target.owner)) return "not-found";
  if (deed === "change" && isSame(authority, target.id)) return "forbidden";
  return mayGrant(authority, target.scopes) ? "allowed" : "forbidden";
}

/** Whether the one who asks is this very key. */
export const isSame = (authority: Authority, id: KeyId): boolean =>
  authority.kind === "control-key" && authority.keyId === id;

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

/** Judges a change of a key that has this owner and these scopes. */
export function judge(authority: Authority, target: { owner: string | null; scopes: readonly string[] }): Judgement {
  if (!sees(authority, target.owner)) return "not-found";
  return mayGrant(authority, target.scopes) ? "allowed" : "forbidden";
}

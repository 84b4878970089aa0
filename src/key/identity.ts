import type { KeyId } from "./credential.ts";
import { sameDigest, type Digest } from "./digest.ts";
import type { Key } from "./key.ts";
import type { Boundary, Metadata } from "./policy.ts";
import type { Refusal } from "./refusal.ts";
import type { EpochMs } from "./time.ts";

/** Who presented a secret. Only told to those who proved possession of one. */
export type Identity = {
  readonly keyId: KeyId;
  readonly owner: string | null;
  /** The version of the presented secret. */
  readonly version: number;
  /** `null` for a retired secret: its holder learns nothing more of the key. */
  readonly details: IdentityDetails | null;
};

export type IdentityDetails = {
  readonly name: string;
  readonly scopes: readonly string[];
  readonly metadata: Metadata;
  readonly expiresAt: EpochMs | null;
  /** Absent: the key has none. */
  readonly boundary?: Boundary;
};

/** Who presents a secret. `current`: it is the key's newest one, not one in its grace. */
export type Holder =
  | { readonly identity: Identity; readonly current: boolean }
  | { readonly identity: Identity; readonly refusal: Refusal }
  | { readonly refusal: Refusal };

/** Whose secret this is: the current one, one in grace, a retired one, or nobody's. */
export function identify({ profile, standing }: Key, presented: Digest, now: EpochMs): Holder {
  const { id: keyId, owner } = profile;
  const details = (): IdentityDetails => ({
    name: profile.name,
    scopes: profile.scopes,
    metadata: profile.metadata,
    expiresAt: standing.expiresAt,
    ...(profile.boundary !== null && { boundary: profile.boundary }),
  });
  if (sameDigest(presented, standing.secret.digest)) {
    return { identity: { keyId, owner, version: standing.version, details: details() }, current: true };
  }
  const retired = standing.retired.find(({ digest }) => sameDigest(presented, digest));
  if (retired === undefined) return { refusal: { reason: "wrong-secret" } };
  if (now < retired.validUntil) {
    return { identity: { keyId, owner, version: retired.version, details: details() }, current: false };
  }
  return { identity: { keyId, owner, version: retired.version, details: null }, refusal: { reason: "key-rotated" } };
}

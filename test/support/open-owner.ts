import { env } from "cloudflare:workers";
import type { OwnerRpc } from "../../src/owner-object/rpc.ts";
import type { Profile } from "../../src/key/key.ts";
import { aKeyId, createAt, stubOf, type OpenKey } from "./open-key.ts";

export type OwnerStub = DurableObjectStub & OwnerRpc;

/** An owner that nobody has heard of yet. */
export const anOwner = (): string => `owner-${crypto.randomUUID()}`;

export const ownerStubOf = (owner: string): OwnerStub => env.OWNERS.getByName(owner) as unknown as OwnerStub;

/** Creates a key as the control API does: entered in its owner's roll first, then created under what the owner said. */
export async function openOwned(owner: string, profile: Partial<Profile> = {}): Promise<OpenKey> {
  const id = aKeyId();
  const ownerOrder = await ownerStubOf(owner).register(owner, id);
  const created = await createAt(id, { ...profile, owner }, { ownerOrder });
  if (!created.done) throw new Error(`not created: ${created.because}`);
  return { id, stub: stubOf(id), credential: created.credential, record: created.record };
}

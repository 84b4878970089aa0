import type { Random } from "../key/base62.ts";
import type { Fresh } from "../key/create.ts";
import { hintOf, mint } from "../key/credential.ts";
import { digestOf } from "../key/digest.ts";
import type { Profile } from "../key/key.ts";
import type { Peppers } from "../key/seal.ts";

export const random: Random = (bytes) => crypto.getRandomValues(bytes);

/** A new secret for a key. The only place where one is made; its text is in the answer that issues it, and nowhere else. */
export function freshFor({ id, prefix }: Pick<Profile, "id" | "prefix">, peppers: Peppers): Fresh {
  const pepper = peppers.signing;
  const credential = mint(id, { prefix, pepper, random });
  const secret = { digest: digestOf(credential), hint: hintOf(credential), pepper: pepper.id };
  return { credential, secret, sealing: { random, peppers } };
}

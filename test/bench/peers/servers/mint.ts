import { createHash, randomBytes, randomUUID } from "node:crypto";

/** A new key: what the client gets, and what is kept of it. */
export function mint(): { readonly id: string; readonly key: string; readonly digest: string } {
  const key = `key_${randomBytes(32).toString("base64url")}`;
  return { id: randomUUID(), key, digest: digestOf(key) };
}

export const digestOf = (key: string): string => createHash("sha256").update(key).digest("hex");

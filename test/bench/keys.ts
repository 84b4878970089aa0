import { randomFillSync } from "node:crypto";
import { mint, newKeyId } from "../../src/key/credential.ts";
import { testSecrets } from "../support/settings.ts";

export const adminToken = testSecrets.REKEY_ADMIN_TOKEN;

/** A quota that is counted exactly and never runs out during a run. */
const POLICY = { quota: { limit: 1e12, period: "month" }, scopes: ["orders:read"] };

/** Creates so many keys over the control API, some at a time, and returns their credentials. */
export async function createKeys(port: number, count: number): Promise<readonly string[]> {
  const credentials: string[] = [];
  const create = async (): Promise<void> => {
    while (credentials.length < count) {
      const at = credentials.push("") - 1;
      credentials[at] = await createKey(port, `bench ${at}`);
    }
  };
  await Promise.all(Array.from({ length: 32 }, create));
  return credentials;
}

async function createKey(port: number, name: string): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/_rekey/v1/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    body: JSON.stringify({ name, ...POLICY }),
  });
  if (response.status !== 201) throw new Error(`a key was not created: ${response.status} ${await response.text()}`);
  const { key } = await response.json<{ key: string }>();
  return key;
}

/** Credentials with the right grammar and checksum, made by somebody who does not have our pepper. */
export function forgeKeys(count: number): readonly string[] {
  const pepper = { id: testSecrets.REKEY_PEPPERS[0]!, secret: new TextEncoder().encode("not the pepper of this one") };
  const minting = { prefix: "rk_live", pepper, random: randomFillSync };
  return Array.from({ length: count }, () => mint(newKeyId(randomFillSync), minting));
}

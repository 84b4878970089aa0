import { randomFillSync } from "node:crypto";
import { mint, newKeyId } from "../../src/key/credential.ts";
import { testSecrets } from "../support/settings.ts";

export const adminToken = testSecrets.REKEY_ADMIN_TOKEN;

const SCOPES = { scopes: ["orders:read"] };
/** A quota that is counted exactly and never runs out during a run. */
const QUOTA = { ...SCOPES, quota: { limit: 1e12, period: "month" } };
/** As many limits as a key may have, of every algorithm, of which none is reached during a run. A sliding one could be. */
const EIGHT_LIMITS = [1, 60, 3600, 86_400].flatMap((windowSeconds) => [
  { name: `window-${windowSeconds}`, algorithm: "window", limit: 1e12, windowSeconds },
  { name: `bucket-${windowSeconds}`, algorithm: "bucket", limit: 1e8, windowSeconds },
]);

/** A quota that is spent by the first use. */
const ONE_USE = { ...SCOPES, quota: { limit: 1, period: "none" } };

/** What a key is created with, by what is measured with it. */
export const POLICIES = {
  none: SCOPES,
  quota: QUOTA,
  spent: ONE_USE,
  limits: { ...QUOTA, rateLimits: EIGHT_LIMITS },
} as const;

/** Creates so many keys over the control API, some at a time, and returns their credentials. */
export async function createKeys(
  port: number,
  count: number,
  policy: keyof typeof POLICIES = "quota",
): Promise<readonly string[]> {
  return (await issueKeys(port, count, policy)).map(({ key }) => key);
}

/** A key's credential, and the id of the key. */
export type Issued = { readonly key: string; readonly id: string };

/** As `createKeys`, for whoever is going to change them. */
export async function issueKeys(
  port: number,
  count: number,
  policy: keyof typeof POLICIES = "quota",
): Promise<readonly Issued[]> {
  const issued: Issued[] = [];
  let begun = 0;
  const create = async (): Promise<void> => {
    while (begun < count) {
      const at = begun++;
      issued[at] = await createKey(port, { name: `bench ${at}`, ...POLICIES[policy] });
    }
  };
  await Promise.all(Array.from({ length: 32 }, create));
  return issued;
}

/** A credential of a key that has been rotated since. */
export async function retiredKey(port: number): Promise<string> {
  const { key, id } = await createKey(port, { name: "bench, rotated", ...POLICIES.quota });
  await control(port, `/keys/${id}/rotate`, {}, 200);
  return key;
}

async function createKey(port: number, body: object): Promise<Issued> {
  const response = await control(port, "/keys", body, 201);
  const { key, record } = await response.json<{ key: string; record: { id: string } }>();
  return { key, id: record.id };
}

async function control(port: number, path: string, body: object, expected: number): Promise<Response> {
  const response = await fetch(`http://127.0.0.1:${port}/_rekey/v1${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (response.status === expected) return response;
  throw new Error(`${path} was answered ${response.status}: ${await response.text()}`);
}

/** Credentials with the right grammar and checksum, made by somebody who does not have our pepper. */
export function forgeKeys(count: number): readonly string[] {
  const pepper = { id: testSecrets.REKEY_PEPPERS[0]!, secret: new TextEncoder().encode("not the pepper of this one") };
  const minting = { prefix: "rk_live", pepper, random: randomFillSync };
  return Array.from({ length: count }, () => mint(newKeyId(randomFillSync), minting));
}

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startRekey, type Rekey } from "../support/rekey.ts";
import { testSecrets } from "../support/settings.ts";

/*
 * The runbook of rotating a pepper, step by step, with doors that are a step behind or ahead, as while a deploy is under
 * way: nobody who holds a valid key is ever refused, as long as the steps are taken in order.
 */

const A = testSecrets.REKEY_PEPPERS;
const B = "b:T3st-pepper-b_of-256-bits_0123456789abcdefgh";
const ONLY_OLD = { REKEY_PEPPERS: A, REKEY_SIGNING_PEPPER: "" };
const VERIFY_ONLY = { REKEY_PEPPERS: `${A},${B}`, REKEY_SIGNING_PEPPER: "a" };
const SIGNING = { REKEY_PEPPERS: `${A},${B}`, REKEY_SIGNING_PEPPER: "b" };
const ONLY_NEW = { REKEY_PEPPERS: B, REKEY_SIGNING_PEPPER: "" };

let rekey: Rekey;
beforeAll(async () => {
  rekey = await startRekey({ vars: ONLY_OLD });
});
afterAll(() => rekey.stop());

type Issued = { readonly key: string; readonly record: { readonly id: string; readonly pepper: string } };

async function admin<Answer>(method: string, path: string, body?: object, url = rekey.url): Promise<Answer> {
  const response = await fetch(`${url}/_rekey${path}`, {
    method,
    headers: { authorization: `Bearer ${rekey.adminToken}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return response.json<Answer>();
}
const issue = () => admin<Issued>("POST", "/v1/keys", { name: "a key" });
const heardAt = async (url: string, key: string): Promise<string> =>
  (await admin<{ code: string }>("POST", "/v1/verify", { key }, url)).code;
const withPepper = async (pepper: string): Promise<string[]> => {
  const { items } = await admin<{ items: { id: string }[] }>("GET", `/v1/keys?pepper=${pepper}&status=active`);
  return items.map(({ id }) => id);
};
type Readiness = { readonly warnings: string[]; readonly detail: { readonly missingPeppers: string[] } };
const readinessAt = (url: string) => admin<Readiness>("GET", "/readyz", undefined, url);

describe("rotating a pepper", () => {
  const keys: Issued[] = [];

  it("begins with one that only verifies: doors that do not know it yet serve every key there is", async () => {
    keys.push(await issue());
    await rekey.restart(VERIFY_ONLY);
    const behind = await rekey.addProcess(ONLY_OLD);
    keys.push(await issue());
    expect(keys.map(({ record }) => record.pepper)).toEqual(["a", "a"]);
    for (const url of [rekey.url, behind]) {
      expect(await Promise.all(keys.map(({ key }) => heardAt(url, key)))).toEqual(["valid", "valid"]);
    }
  });

  it("goes on with signing: doors that only verify with it serve the new keys too", async () => {
    await rekey.restart(SIGNING);
    const behind = await rekey.addProcess(VERIFY_ONLY);
    keys.push(await issue());
    expect(keys.at(-1)!.record.pepper).toBe("b");
    for (const url of [rekey.url, behind]) {
      expect(await Promise.all(keys.map(({ key }) => heardAt(url, key)))).toEqual(["valid", "valid", "valid"]);
    }
    // Why there are two steps and not one: a door from before the first one takes a new key for a forgery.
    const twoBehind = await rekey.addProcess(ONLY_OLD);
    expect(await heardAt(twoBehind, keys.at(-1)!.key)).toBe("invalid-key");
  });

  it("is warned of where the old one is dropped too early: what depends on it is named, to the admin only", async () => {
    const ahead = await rekey.addProcess(ONLY_NEW);
    expect(await heardAt(ahead, keys[0]!.key)).toBe("invalid-key");
    expect(await heardAt(ahead, keys[2]!.key)).toBe("valid");
    expect(await readinessAt(ahead)).toMatchObject({
      status: "ready",
      warnings: ["missing-pepper"],
      detail: { missingPeppers: ["a"] },
    });
    const stranger = await (await fetch(`${ahead}/_rekey/readyz`)).json<object>();
    expect(stranger).toEqual({ status: "ready", ledger: "ok", warnings: ["missing-pepper"] });
    expect(await readinessAt(rekey.url)).toMatchObject({ warnings: [], detail: { missingPeppers: [] } });
  });

  it("finds the keys that still carry the old one, and a rotation gives each the new one", async () => {
    expect((await withPepper("a")).toSorted()).toEqual([keys[0]!.record.id, keys[1]!.record.id].toSorted());
    for (const [at, { record }] of keys.slice(0, 2).entries()) {
      keys[at] = await admin<Issued>("POST", `/v1/keys/${record.id}/rotate`);
    }
    expect(keys.map(({ record }) => record.pepper)).toEqual(["b", "b", "b"]);
    expect(await withPepper("a")).toEqual([]);
    expect(await withPepper("b")).toHaveLength(3);
  });

  it("ends with dropping the old one, without a warning and without a key refused", async () => {
    const revoked = await issue();
    await admin("POST", `/v1/keys/${revoked.record.id}/revoke`);
    await rekey.restart(ONLY_NEW);
    expect(await readinessAt(rekey.url)).toMatchObject({ warnings: [], detail: { missingPeppers: [] } });
    expect(await Promise.all(keys.map(({ key }) => heardAt(rekey.url, key)))).toEqual(["valid", "valid", "valid"]);
  });
});

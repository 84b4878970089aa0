import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { control, doorFor, done, rotate, use } from "../support/over-http.ts";
import type { Rekey } from "../support/rekey.ts";

/**
 * NdoleStudio/httpsms #881: a rotated key went on working, because it was verified from a cache in memory that the
 * rotation tried to purge, in one process, swallowing the error.
 *
 * Promise P1: after the answer to rotate, revoke or suspend, no request that starts later is admitted with the old
 * secret, from any isolate and any process, however warm it is.
 */
let gateway: Gateway;
let rekey: Rekey;

beforeAll(async () => {
  // Three doors: two isolates in one process and one in another. They share the keys' objects and nothing else.
  gateway = await startGateway({ edges: 2, faultyLedger: true });
  ({ rekey } = gateway);
  await rekey.addProcess();
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** What this key hears at every door, one after the other. */
const everywhere = async (key: string): Promise<string[]> => {
  const heard: string[] = [];
  for (const door of rekey.urls) heard.push((await use(door, key)).code);
  return heard;
};

/** Uses a key so often at every door that whatever could be cached is cached. */
async function warm(key: string): Promise<void> {
  for (let round = 0; round < 5; round++) expect(await everywhere(key)).toEqual(["admitted", "admitted", "admitted"]);
}

describe("the very next request with the old key", () => {
  it("is 401 at every door, whichever door rotated, twenty times over", async () => {
    const { key, id } = await gateway.issue();
    let holds = key;
    await warm(holds);
    for (let time = 0; time < 20; time++) {
      const fresh = await rotate(rekey, id, doorFor(rekey, time));
      expect(await everywhere(holds)).toEqual(["key-rotated", "key-rotated", "key-rotated"]);
      expect(await everywhere(fresh)).toEqual(["admitted", "admitted", "admitted"]);
      holds = fresh;
    }
    expect(await everywhere(key)).toEqual(["key-rotated", "key-rotated", "key-rotated"]);
  });

  it.each([
    ["revoke", "key-revoked"],
    ["suspend", "key-suspended"],
  ])("is 401 at every door after %s", async (command, code) => {
    for (let time = 0; time < 3; time++) {
      const { key, id } = await gateway.issue();
      await warm(key);
      await done(control(rekey, "POST", `/keys/${id}/${command}`, {}, doorFor(rekey, time)));
      expect(await everywhere(key)).toEqual([code, code, code]);
    }
  });

  it("is let in at every door again after resume, and at once", async () => {
    const { key, id } = await gateway.issue();
    await warm(key);
    await gateway.control("POST", `/keys/${id}/suspend`);
    await everywhere(key);
    await gateway.control("POST", `/keys/${id}/resume`);
    expect(await everywhere(key)).toEqual(["admitted", "admitted", "admitted"]);
  });

  it("is 401 although hundreds are in flight at every door", async () => {
    const { key, id } = await gateway.issue();
    await warm(key);
    let answered = false;
    const late: string[] = [];
    let uses = 0;
    const users = Array.from({ length: 24 }, async (_, user) => {
      while (late.length < 240) {
        const isLate = answered;
        const { code } = await use(doorFor(rekey, user), key);
        uses += 1;
        if (isLate) late.push(code);
      }
    });
    await expect.poll(() => uses, { interval: 5, timeout: 20_000 }).toBeGreaterThan(100);
    await rotate(rekey, id);
    answered = true;
    await Promise.all(users);
    expect(late.length).toBeGreaterThanOrEqual(240);
    expect(new Set(late)).toEqual(new Set(["key-rotated"]));
  });

  it("is 401 when the ledger could not be told, and the rotation says so to nobody as a failure", async () => {
    const { key, id } = await gateway.issue();
    await warm(key);
    await rekey.ledgerFault("fail");
    const fresh = await rotate(rekey, id);
    expect(await everywhere(key)).toEqual(["key-rotated", "key-rotated", "key-rotated"]);
    expect(await everywhere(fresh)).toEqual(["admitted", "admitted", "admitted"]);
    await rekey.ledgerFault("pass");
  });
});

describe("a rotation that fails", () => {
  it("is told as a failure and leaves the old key as it was", async () => {
    const { key, id } = await gateway.issue();
    // The object cannot write: neither the new secret nor the end of the old one is durable.
    await rekey.objectSql(id, "CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    const failed = await control(rekey, "POST", `/keys/${id}/rotate`, {});
    expect([failed.status, failed.code]).toEqual([503, "unavailable"]);
    expect(failed.body).not.toHaveProperty("key");
    await rekey.objectSql(id, "DROP TRIGGER full");
    expect(await everywhere(key)).toEqual(["admitted", "admitted", "admitted"]);
    expect(await recordVersion(id)).toBe(1);
  });
});

const recordVersion = async (id: string) => (await done(control(rekey, "GET", `/keys/${id}`)))["version"];

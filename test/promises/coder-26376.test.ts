import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { control, doorFor, done, recordOf, rotate, use } from "../support/over-http.ts";
import type { Rekey } from "../support/rekey.ts";

/**
 * coder/coder #26376: a token with a fixed lifetime was extended by being used, so that it never ended.
 *
 * Promise P7, as far as keys of kind `token` go: a key ends at its fixed instant, and nothing extends it.
 */
let gateway: Gateway;
let rekey: Rekey;

beforeAll(async () => {
  gateway = await startGateway({ edges: 2 });
  ({ rekey } = gateway);
});
afterAll(() => gateway[Symbol.asyncDispose]());

describe("a key with a lifetime of 2 s", () => {
  it("ends at its instant, though it is used without a pause until then", async () => {
    const { key, id } = await gateway.issue({ lifetimeSeconds: 2 });
    const { createdAt, expiresAt } = (await recordOf(rekey, id)) as { createdAt: string; expiresAt: string };
    const end = Date.parse(expiresAt);
    expect(end - Date.parse(createdAt)).toBe(2000);

    const uses: { began: number; ended: number; code: string }[] = [];
    while (Date.now() < end + 100) {
      const began = Date.now();
      const { code } = await use(doorFor(rekey, uses.length), key);
      uses.push({ began, ended: Date.now(), code });
    }
    // One machine, one clock: a use lies before the end, or after it, or across it.
    const before = uses.filter(({ ended }) => ended < end).map(({ code }) => code);
    const after = uses.filter(({ began }) => began >= end).map(({ code }) => code);
    expect(before.length).toBeGreaterThan(20);
    expect(new Set(before)).toEqual(new Set(["admitted"]));
    expect(after.length).toBeGreaterThan(0);
    expect(new Set(after)).toEqual(new Set(["key-expired"]));
    const record = await recordOf(rekey, id);
    expect(record).toMatchObject({ status: "expired", expiresAt });
  });

  it("is no older for being rotated, suspended and resumed: its end stays where it was", async () => {
    const { id } = await gateway.issue({ lifetimeSeconds: 2 });
    const { expiresAt } = await recordOf(rekey, id);
    const fresh = await rotate(rekey, id, rekey.url, { graceSeconds: 3600 });
    await gateway.control("POST", `/keys/${id}/suspend`);
    await gateway.control("POST", `/keys/${id}/resume`);
    await rekey.evict(id);
    expect(await recordOf(rekey, id)).toMatchObject({ status: "active", expiresAt });
    await expect.poll(() => use(rekey.url, fresh).then(({ code }) => code), { timeout: 5000 }).toBe("key-expired");
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(expiresAt as string));
    expect(await recordOf(rekey, id)).toMatchObject({ status: "expired", expiresAt });
  });

  it("takes no grace beyond its end", async () => {
    const { key, id } = await gateway.issue({ lifetimeSeconds: 2 });
    const { expiresAt } = await recordOf(rekey, id);
    const { retired } = await done(control(rekey, "POST", `/keys/${id}/rotate`, { graceSeconds: 3600 }));
    expect(retired).toEqual({ version: 1, validUntil: expiresAt });
    expect((await use(rekey.url, key)).code).toBe("admitted");
  });

  it("cannot be rotated back to life", async () => {
    const { key, id } = await gateway.issue({ lifetimeSeconds: 1 });
    await expect.poll(() => use(rekey.url, key).then(({ code }) => code), { timeout: 5000 }).toBe("key-expired");
    const refused = await control(rekey, "POST", `/keys/${id}/rotate`, {});
    expect([refused.status, refused.code]).toEqual([409, "key-expired"]);
    expect((await use(rekey.url, key)).code).toBe("key-expired");
  });
});

it("a key that is to end at an instant ends at that very millisecond", async () => {
  const expiresAt = new Date(Date.now() + 86_400_000).toISOString();
  const { id } = await gateway.issue({ expiresAt });
  expect(await recordOf(rekey, id)).toMatchObject({ expiresAt });
});

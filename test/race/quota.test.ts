import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Admission } from "../../src/key/admission.ts";
import type { Verdict } from "../../src/key/admit.ts";
import { aBucket, aProfile, aQuota, aSliding, aWindow } from "../support/a-key.ts";
import { HurriedObject } from "../support/hurried-object.ts";
import { asked, hears, openKey, rotated, withCredential } from "../support/open-key.ts";

/** How many of so many requests at once are admitted. */
async function admittedOf(
  requests: number,
  key: { admit(admission: Admission): Promise<Verdict> },
  credential: string,
  cost = 1,
): Promise<number> {
  const verdicts = await Promise.all(
    Array.from({ length: requests }, () => key.admit(withCredential(credential, { cost }))),
  );
  return verdicts.filter(({ admitted }) => admitted).length;
}

describe("500 requests at once", () => {
  it("on a quota of 50: exactly 50 are admitted", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(50) });
    expect(await admittedOf(500, stub, credential)).toBe(50);
    const after = await stub.read(asked);
    expect(after.reached && after.record.allowance.quota).toMatchObject({ used: 50, remaining: 0 });
  });

  it.each([aWindow(50, 3600), aSliding(50, 3600), aBucket(1, 3600, 50)])(
    "on a rate limit of 50: exactly 50 are admitted (%o)",
    async (limit) => {
      const { stub, credential } = await openKey({ rateLimits: [limit] });
      expect(await admittedOf(500, stub, credential)).toBe(50);
    },
  );

  it("on eight limits and a quota: as many as the narrowest has, and the seven others and the quota have spent no more", async () => {
    const limits = Array.from({ length: 8 }, (_, nth) => aWindow(30 + 10 * nth, 3600, `limit-${nth}`));
    const { stub, credential } = await openKey({ quota: aQuota(400), rateLimits: limits });
    expect(await admittedOf(500, stub, credential)).toBe(30);
    const after = await stub.read(asked);
    if (!after.reached) throw new Error("not reached");
    const { quota, rateLimits } = after.record.allowance;
    expect([quota!.used, ...rateLimits.map(({ rule, remaining }) => rule.limit - remaining)]).toEqual(
      Array<number>(9).fill(30),
    );
  });

  it("on a quota of 50 units at 7 each: exactly 7 are admitted, and 1 unit is left for who asks for less", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(50) });
    expect(await admittedOf(500, stub, credential, 7)).toBe(7);
    expect(await admittedOf(10, stub, credential, 1)).toBe(1);
  });

  it("on two limits: exactly as many as the narrower one has, and the wider one has spent no more", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(400), rateLimits: [aWindow(30, 3600)] });
    expect(await admittedOf(500, stub, credential)).toBe(30);
    const after = await stub.read(asked);
    expect(after.reached && after.record.allowance.quota).toMatchObject({ used: 30 });
  });

  it("control: an object that waits between reading and writing admits far more", async () => {
    const profile = aProfile({ quota: aQuota(50) });
    const hurried = new HurriedObject(profile);
    expect(await admittedOf(500, hurried, hurried.credential)).toBe(500);
  });
});

describe("what is left", () => {
  it("of 50 after 49, asked for by two at once, goes to one of them", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(50) });
    expect(await admittedOf(49, stub, credential)).toBe(49);
    expect(await admittedOf(2, stub, credential)).toBe(1);
  });

  it("is one credit: ten units are too many for it, and it is still there for one", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(1, "none") });
    expect(await admittedOf(20, stub, credential, 10)).toBe(0);
    expect(await admittedOf(20, stub, credential, 1)).toBe(1);
  });
});

describe("a quota that is reached", () => {
  it("is reached exactly across evictions under load", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(50) });
    let admitted = 0;
    for (let round = 0; round < 10; round++) {
      admitted += await admittedOf(10, stub, credential);
      await evictDurableObject(stub);
    }
    expect(admitted).toBe(50);
  });

  it("is not refilled by rotations under load: 50 of 500, whichever secret they use", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(50) });
    let holds = credential;
    let admitted = 0;
    const uses = Array.from({ length: 500 }, async (_, index) => {
      await scheduler.wait(index % 20);
      if ((await hears(stub, holds)) === "admitted") admitted += 1;
    });
    const rotations = (async () => {
      for (let time = 0; time < 10; time++) {
        await scheduler.wait(1);
        holds = await rotated(stub);
      }
    })();
    await Promise.all([...uses, rotations]);
    // Whoever used a secret that was rotated away meanwhile was refused and spent nothing: what is left is left.
    admitted += await admittedOf(50, stub, holds);
    expect(admitted).toBe(50);
    expect(await hears(stub, holds)).toBe("quota-exceeded");
  });
});

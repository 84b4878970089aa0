import { evictDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { aQuota, aWindow } from "../support/a-key.ts";
import { asked, hears, openKey, rotated, withCredential } from "../support/open-key.ts";

const SECOND = 1000;
const DAY = 24 * 3600 * SECOND;
const MIDNIGHT = Date.UTC(2030, 0, 1);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(MIDNIGHT);
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the clock of an object", () => {
  it("ends a key at its instant, and no use moves that", async () => {
    const { stub, credential, record } = await openKey({}, { afterSeconds: 100 });
    expect(record.expiresAt).toBe(MIDNIGHT + 100 * SECOND);
    for (let second = 0; second < 100; second += 10) {
      vi.setSystemTime(MIDNIGHT + second * SECOND);
      expect(await hears(stub, credential)).toBe("admitted");
    }
    vi.setSystemTime(MIDNIGHT + 100 * SECOND - 1);
    expect(await hears(stub, credential)).toBe("admitted");
    vi.setSystemTime(MIDNIGHT + 100 * SECOND);
    expect(await hears(stub, credential)).toBe("key-expired");
    const after = await stub.read(asked);
    expect(after.reached && after.record).toMatchObject({ status: "expired", expiresAt: MIDNIGHT + 100 * SECOND });
  });

  it.each([
    ["an instant", { at: MIDNIGHT + 7 * SECOND }],
    ["a lifetime", { afterSeconds: 7 }],
  ])("takes %s as the end of a new key", async (_name, end) => {
    const { record } = await openKey({}, end);
    expect(record).toMatchObject({ createdAt: MIDNIGHT, expiresAt: MIDNIGHT + 7 * SECOND });
  });

  it("refills a quota at the instant it is due, with nobody there to do it", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(1) });
    expect([await hears(stub, credential), await hears(stub, credential)]).toEqual(["admitted", "quota-exceeded"]);
    vi.setSystemTime(MIDNIGHT + DAY - 1);
    await evictDurableObject(stub);
    expect(await hears(stub, credential)).toBe("quota-exceeded");
    vi.setSystemTime(MIDNIGHT + DAY);
    expect([await hears(stub, credential), await hears(stub, credential)]).toEqual(["admitted", "quota-exceeded"]);
  });

  it("opens a new window only when more than the window has passed", async () => {
    const { stub, credential } = await openKey({ rateLimits: [aWindow(1, 60)] });
    expect(await hears(stub, credential)).toBe("admitted");
    vi.setSystemTime(MIDNIGHT + 60 * SECOND);
    expect(await hears(stub, credential)).toBe("rate-limited");
    vi.setSystemTime(MIDNIGHT + 60 * SECOND + 1);
    expect(await hears(stub, credential)).toBe("admitted");
  });

  it("ends a grace at its instant", async () => {
    const { stub, credential } = await openKey();
    await rotated(stub, 1, 30);
    vi.setSystemTime(MIDNIGHT + 30 * SECOND - 1);
    expect(await hears(stub, credential)).toBe("admitted");
    vi.setSystemTime(MIDNIGHT + 30 * SECOND);
    expect(await hears(stub, credential)).toBe("key-rotated");
  });

  it("never goes back, not even across the loss of its memory: no window reopens, no quota refills twice", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(2), rateLimits: [aWindow(10, 60)] });
    vi.setSystemTime(MIDNIGHT + DAY);
    expect([await hears(stub, credential), await hears(stub, credential)]).toEqual(["admitted", "admitted"]);
    for (const back of [1, SECOND, 3600 * SECOND, DAY, 400 * DAY]) {
      vi.setSystemTime(MIDNIGHT + DAY - back);
      expect(await hears(stub, credential)).toBe("quota-exceeded");
      await evictDurableObject(stub);
      expect(await hears(stub, credential)).toBe("quota-exceeded");
    }
    const verdict = await stub.admit(withCredential(credential));
    expect(verdict.at).toBe(MIDNIGHT + DAY);
  });
});

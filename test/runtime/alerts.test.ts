import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Profile } from "../../src/key/key.ts";
import { digestOf } from "../../src/key/digest.ts";
import { USUAL_SUSPICION, type Alert } from "../../src/key/suspicion-policy.ts";
import { aQuota } from "../support/a-key.ts";
import { observeStorage } from "../support/observe-storage.ts";
import { asked, atRest, forgetful, hears, openKey, rotated, storeUsed, type Stub } from "../support/open-key.ts";
import { anEndlessAnswer, throughGateway } from "../support/through-gateway.ts";

const DAY = 24 * 60 * 60 * 1000;
const ip = "203.0.113.7";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});
const later = (ms: number) => vi.setSystemTime(Date.now() + ms);

const eventsOf = async (stub: Stub) => {
  const answer = await stub.events({ ...asked, before: null, limit: 200 });
  return answer.reached ? answer.events.toReversed() : [];
};
const detailsOf = async (stub: Stub, type: string) =>
  (await eventsOf(stub)).filter((event) => event.type === type).map(({ detail }) => detail);
const alertsOf = (stub: Stub) => detailsOf(stub, "key.alerted");

const suspending = (alert: Alert): Pick<Profile, "suspicion"> => ({
  suspicion: { [alert]: { ...USUAL_SUSPICION[alert], action: "suspend" } },
});

describe("a key whose object forgets everything after every step", () => {
  it("raises one alert of a kind in ten minutes, and the next after them", async () => {
    const { stub, credential } = await openKey();
    await forgetful(stub, rotated(stub));
    for (let time = 0; time < 5; time++) {
      expect(await forgetful(stub, hears(stub, credential, { ip, requestId: `req_${time}` }))).toBe("key-rotated");
    }
    const [alert] = (await eventsOf(stub)).filter(({ type }) => type === "key.alerted");
    expect(await alertsOf(stub)).toMatchObject([{ alert: "retired-secret-used", version: 1, action: "alert" }]);
    expect(alert).toMatchObject({ sequence: 3, by: { actor: "policy", requestId: "req_0", ip } });
    later(600_000);
    await forgetful(stub, hears(stub, credential));
    expect(await alertsOf(stub)).toHaveLength(2);
  });

  it("still counts how often it was rotated", async () => {
    const { stub } = await openKey();
    for (let time = 0; time < 4; time++) await forgetful(stub, rotated(stub));
    expect(await alertsOf(stub)).toEqual([]);
    await forgetful(stub, rotated(stub));
    expect(await alertsOf(stub)).toMatchObject([{ alert: "rapid-rotation", rotations: 5 }]);
  });

  it("tells of its quota and of its end once each", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(10, "none") });
    for (let unit = 0; unit < 12; unit++) await forgetful(stub, hears(stub, credential));
    expect((await detailsOf(stub, "key.quota-reached")).map(({ percent }) => percent)).toEqual([80, 90, 100]);
  });
});

describe("a counter that storage has above its limit", () => {
  it("is told as an alert by the first step that sees it, and admits nothing", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(50) });
    await atRest(stub);
    await storeUsed(stub, 51);
    await evictDurableObject(stub);
    expect(await hears(stub, credential)).toBe("quota-exceeded");
    expect(await alertsOf(stub)).toEqual([
      { alert: "counter-above-limit", action: "alert", limit: "quota", used: 51, most: 50 },
    ]);
  });

  it("control: one that an amendment has lowered its limit under is no fault", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(50) });
    expect(await hears(stub, credential, { cost: 30 })).toBe("admitted");
    await stub.amend({ ...asked, amendment: { quota: aQuota(10) }, expectedRevision: null });
    await evictDurableObject(stub);
    expect(await hears(stub, credential)).toBe("quota-exceeded");
    expect(await alertsOf(stub)).toEqual([]);
  });
});

describe("an alert that suspends", () => {
  it("does so in the step that sees it: the very next request is refused, and what was open is cut", async () => {
    const { stub, credential } = await openKey({ ...suspending("retired-secret-used"), maxConcurrent: 5 });
    const second = await rotated(stub);
    const origin = anEndlessAnswer();
    const response = await throughGateway(second, { origin: () => origin.response });
    const reader = response.body!.getReader();
    await reader.read();
    expect(await hears(stub, credential)).toBe("key-rotated");
    expect(await hears(stub, second)).toBe("key-suspended");
    expect(await reader.read().catch(() => "broken off")).toBe("broken off");
    const types = (await eventsOf(stub)).map(({ type }) => type);
    expect(types.slice(2, 5)).toEqual(["key.alerted", "key.suspended", "key.exchanges-cut"]);
  });

  it("because of an admission lets that one in, and no other", async () => {
    const { stub, credential } = await openKey(suspending("failures-then-success"));
    for (let time = 0; time < 10; time++) await hears(stub, "nobody's", { ip });
    expect(await hears(stub, credential, { ip })).toBe("admitted");
    expect(await hears(stub, credential, { ip })).toBe("key-suspended");
    expect(await alertsOf(stub)).toMatchObject([{ alert: "unknown-secret" }, { alert: "failures-then-success" }]);
  });

  it("is durable when its refusal is heard", async () => {
    const { stub, credential } = await openKey(suspending("unknown-secret"));
    expect(await forgetful(stub, hears(stub, "nobody's"))).toBe("wrong-secret");
    expect(await hears(stub, credential)).toBe("key-suspended");
  });
});

describe("who holds a dead secret", () => {
  it("is noticed at the doors of the key itself too", async () => {
    const { stub, credential } = await openKey();
    await rotated(stub);
    const dead = { presented: digestOf(credential), ip };
    expect(await stub.readSelf(dead)).toMatchObject({ refusal: { reason: "key-rotated" } });
    expect(await alertsOf(stub)).toMatchObject([{ alert: "retired-secret-used" }]);
  });

  it("leaves no trace by a dry run", async () => {
    const { stub, credential } = await openKey();
    await rotated(stub);
    for (let time = 0; time < 200; time++) {
      expect(await hears(stub, credential, { dryRun: true, ip })).toBe("key-rotated");
    }
    expect(await alertsOf(stub)).toEqual([]);
  });

  it("can flood: two alerts, and of the live key nothing is touched", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(10) });
    const second = await rotated(stub);
    await atRest(stub);
    using written = await observeStorage(stub);
    for (let time = 0; time < 500; time++) await hears(stub, credential, { ip });
    // Each alert: its event and the key's standing; with the first, the object's boot and the plan to tell the ledger.
    expect(written.rows).toBe(6);
    expect((await alertsOf(stub)).map(({ alert }) => alert)).toEqual(["retired-secret-used", "refusal-burst"]);
    expect(await stub.read(asked)).toMatchObject({ record: { allowance: { quota: { used: 0 } } } });
    expect(await hears(stub, second)).toBe("admitted");
  });
});

describe("a key that will end", () => {
  const ring = async (stub: Stub) => {
    await evictDurableObject(stub);
    await runDurableObjectAlarm(stub);
  };
  const told = async (stub: Stub) => (await detailsOf(stub, "key.expires-soon")).map(({ days }) => days);

  it("says so 30, 7 and 1 days before, though nobody asks, once each", async () => {
    const { stub } = await openKey({}, { afterSeconds: (40 * DAY) / 1000 });
    const seen: unknown[] = [];
    for (let day = 0; day < 42; day++) {
      await ring(stub);
      await ring(stub);
      const now = await told(stub);
      if (now.length > seen.length) seen.push([day, now.at(-1)]);
      later(DAY);
    }
    expect(seen).toEqual([
      [10, 30],
      [33, 7],
      [39, 1],
    ]);
  });

  it("says so anew when its end is moved, and no more once it is revoked", async () => {
    const { stub } = await openKey({}, { afterSeconds: (10 * DAY) / 1000 });
    later(3 * DAY);
    await ring(stub);
    const expiresAt = (Date.now() + 8 * DAY) as never;
    await stub.amend({ ...asked, amendment: { expiresAt }, expectedRevision: null });
    later(DAY);
    await ring(stub);
    expect(await told(stub)).toEqual([7, 7]);
    await stub.revoke(asked);
    later(6.5 * DAY);
    await ring(stub);
    expect(await told(stub)).toEqual([7, 7]);
  });
});

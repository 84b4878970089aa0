import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { control, doorFor, done, eventsOf, recordOf, tally, use } from "../support/over-http.ts";
import type { Rekey } from "../support/rekey.ts";

/**
 * "TOCTOU with API Keys": a key is checked, then used, and what was checked is no longer true when it is used; a
 * request is charged to one limit and then refused by the next.
 *
 * Promises P6 (a refused request costs nothing: all are charged or none is) and P3 (compare and set).
 */
let gateway: Gateway;
let rekey: Rekey;

beforeAll(async () => {
  gateway = await startGateway({ edges: 3 });
  ({ rekey } = gateway);
});
afterAll(() => gateway[Symbol.asyncDispose]());

const verify = (key: string, question: object = {}, door = rekey.url) =>
  done(control(rekey, "POST", "/verify", { key, ...question }, door));
const used = async (id: string) => ((await recordOf(rekey, id))["quota"] as { used: number }).used;
const windowOf = (limit: number) => [{ name: "burst", algorithm: "window", limit, windowSeconds: 3600 }];

describe("a refused request costs nothing", () => {
  it("of the quota, when the rate limit refuses it", async () => {
    const { key, id } = await gateway.issue({ quota: { limit: 100, period: "day" }, rateLimits: windowOf(5) });
    const answers = await Promise.all(Array.from({ length: 90 }, (_, nth) => use(doorFor(rekey, nth), key)));
    expect(tally(answers.map(({ code }) => code))).toEqual({ admitted: 5, "rate-limited": 85 });
    expect(await used(id)).toBe(5);
  });

  it("of the rate limit, when the quota refuses it", async () => {
    const { key, id } = await gateway.issue({ quota: { limit: 5, period: "day" }, rateLimits: windowOf(100) });
    const answers = await Promise.all(Array.from({ length: 90 }, (_, nth) => use(doorFor(rekey, nth), key)));
    expect(tally(answers.map(({ code }) => code))).toEqual({ admitted: 5, "quota-exceeded": 85 });
    expect(await recordOf(rekey, id)).toMatchObject({ quota: { used: 5 }, rateLimits: [{ remaining: 95 }] });
  });

  it.each([
    ["a scope that the key lacks", { scopes: ["orders:write"] }, "insufficient-scope"],
    ["one of several scopes that the key lacks", { scopes: ["orders:read", "orders:write"] }, "insufficient-scope"],
    ["any of scopes of which the key has none", { anyScope: ["a", "b"] }, "insufficient-scope"],
    ["an address from which the key may not come", { ip: "198.51.100.7" }, "ip-not-allowed"],
    ["an address that nobody knows", { ip: undefined }, "ip-not-allowed"],
    ["a cost above the limit itself", { cost: 11 }, "cost-exceeds-limit"],
  ])("when it is refused for %s", async (_name, question, code) => {
    const { key, id } = await gateway.issue({
      scopes: ["orders:read"],
      allowedIps: ["203.0.113.0/24"],
      quota: { limit: 10, period: "day" },
      rateLimits: windowOf(10),
    });
    const right = { scopes: ["orders:read"], ip: "203.0.113.7" };
    expect(await verify(key, right)).toMatchObject({ valid: true });
    for (let time = 0; time < 5; time++) {
      expect(await verify(key, { ...right, ...question })).toMatchObject({ valid: false, code });
    }
    expect(await recordOf(rekey, id)).toMatchObject({ quota: { used: 1 }, rateLimits: [{ remaining: 9 }] });
  });

  it("when it is refused for the key's standing, whichever secret it brings", async () => {
    const { key, id } = await gateway.issue({ quota: { limit: 10, period: "day" }, rateLimits: windowOf(10) });
    await gateway.control("POST", `/keys/${id}/suspend`);
    expect((await use(rekey.url, key)).code).toBe("key-suspended");
    const { key: fresh } = await gateway.control("POST", `/keys/${id}/rotate`, {});
    expect((await use(rekey.url, fresh as string)).code).toBe("key-suspended");
    expect((await use(rekey.url, key)).code).toBe("key-rotated");
    await gateway.control("POST", `/keys/${id}/revoke`);
    expect((await use(rekey.url, fresh as string)).code).toBe("key-revoked");
    expect(await recordOf(rekey, id)).toMatchObject({ quota: { used: 0 }, rateLimits: [{ remaining: 10 }] });
  });

  it("and a dry run takes nothing either", async () => {
    const { key, id } = await gateway.issue({ quota: { limit: 1, period: "day" } });
    for (let time = 0; time < 3; time++) expect(await verify(key, { dryRun: true })).toMatchObject({ valid: true });
    expect(await used(id)).toBe(0);
    expect(await verify(key)).toMatchObject({ valid: true });
    expect(await verify(key, { dryRun: true })).toMatchObject({ valid: false, code: "quota-exceeded" });
  });
});

describe("between check and use there is nothing", () => {
  it("uses that race a revocation are admitted before it or refused: by the order of decisions none comes after", async () => {
    for (let round = 0; round < 5; round++) {
      const { key, id } = await gateway.issue({ quota: { limit: 1000, period: "day" } });
      const uses = Array.from({ length: 60 }, (_, nth) => use(doorFor(rekey, nth), key));
      const revoked = await control(rekey, "POST", `/keys/${id}/revoke`, {}, doorFor(rekey, round));
      const answers = await Promise.all(uses);
      const end = decisionOf(revoked.headers);
      const outOfOrder = answers.filter(
        ({ code, headers }) => (code === "admitted") !== isBefore(decisionOf(headers), end),
      );
      expect(outOfOrder).toEqual([]);
      // What was admitted is what was charged: nothing was taken on the way to a refusal.
      expect(await used(id)).toBe(answers.filter(({ code }) => code === "admitted").length);
    }
  });

  it("costs that race for the last units never spend more than there is", async () => {
    const { key, id } = await gateway.issue({ quota: { limit: 100, period: "none" } });
    const costs = Array.from({ length: 60 }, (_, nth) => 1 + (nth % 9));
    const answers = await Promise.all(costs.map((cost, nth) => verify(key, { cost }, doorFor(rekey, nth))));
    const spent = costs.reduce((sum, cost, nth) => sum + (answers[nth]!["valid"] === true ? cost : 0), 0);
    expect(await used(id)).toBe(spent);
    expect(spent).toBeLessThanOrEqual(100);
    // Every cost from 1 to 9 was refused at least once or fitted: what is left is less than the least that was refused.
    const refused = costs.filter((_, nth) => answers[nth]!["valid"] === false);
    expect(refused.length).toBeGreaterThan(0);
    expect(100 - spent).toBeLessThan(Math.max(...refused));
  });
});

describe("compare and set", () => {
  it("a caller who saw an older version changes nothing: no secret, no event, no revision", async () => {
    const { id } = await gateway.issue();
    await gateway.control("POST", `/keys/${id}/rotate`, { expectedVersion: 1 });
    const before = [await recordOf(rekey, id), await eventsOf(rekey, id)];
    for (const expectedVersion of [1, 3, 99]) {
      const stale = await control(rekey, "POST", `/keys/${id}/rotate`, { expectedVersion });
      expect(stale.status).toBe(409);
      expect(stale.body).toMatchObject({ code: "version-conflict", currentVersion: 2 });
    }
    expect([await recordOf(rekey, id), await eventsOf(rekey, id)]).toEqual(before);
  });
});

describe("the ledger is a copy that nobody asks", () => {
  it("what is written into it by hand neither brings a revoked key back nor ends a live one", async () => {
    const { key: dead, id: deadId } = await gateway.issue();
    await gateway.control("POST", `/keys/${deadId}/revoke`);
    const { key: live, id: liveId } = await gateway.issue();
    await rekey.ledgerSql(
      "UPDATE keys SET status = 'active', record = replace(record, 'revoked', 'active') WHERE id = ?",
      deadId,
    );
    await rekey.ledgerSql("DELETE FROM keys WHERE id = ?", liveId);
    await rekey.ledgerSql("DELETE FROM events WHERE key_id = ?", liveId);
    for (const door of rekey.urls) {
      expect((await use(door, dead)).code).toBe("key-revoked");
      expect((await use(door, live)).code).toBe("admitted");
    }
    await rekey.evict(deadId);
    await rekey.evict(liveId);
    expect((await use(rekey.url, dead)).code).toBe("key-revoked");
    expect((await use(rekey.url, live)).code).toBe("admitted");
  });
});

type Decision = readonly [boot: number, n: number];
function decisionOf(headers: Headers): Decision {
  const [boot, n] = headers.get("rekey-decision")!.split(".").map(Number);
  return [boot!, n!];
}
const isBefore = ([boot, n]: Decision, [otherBoot, otherN]: Decision): boolean =>
  boot < otherBoot || (boot === otherBoot && n < otherN);

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, valuesOf, type Gateway } from "../support/gateway.ts";
import { control, doorFor, done, recordOf, use } from "../support/over-http.ts";
import type { Rekey } from "../support/rekey.ts";

/**
 * "…between authentication and authorization": who it is and what they may do are found out at two moments, and the
 * key changes hands or rights in between; or the second step trusts a name that the caller brought along.
 *
 * Promises P6 and P11: identity, standing, reach, pace and allowance are one decision in one step, the origin hears of
 * exactly the identity that was decided on, and without a decision nobody passes.
 */
let gateway: Gateway;
let rekey: Rekey;

beforeAll(async () => {
  gateway = await startGateway({ edges: 2, vars: { DECISION_TIMEOUT_MS: "1000" } });
  ({ rekey } = gateway);
});
afterAll(() => gateway[Symbol.asyncDispose]());

const verify = (key: string, question: object = {}) => done(control(rekey, "POST", "/verify", { key, ...question }));

describe("one decision", () => {
  it("answers who and whether at once: name, version, scopes and what is left belong to one instant", async () => {
    const { key, id } = await gateway.issue({
      name: "billing worker",
      owner: "acme",
      scopes: ["orders:*"],
      metadata: { plan: "pro" },
      quota: { limit: 5, period: "day" },
    });
    const verdict = await verify(key, { scopes: ["orders:read"], cost: 2 });
    expect(verdict).toMatchObject({
      valid: true,
      code: "valid",
      keyId: id,
      owner: "acme",
      name: "billing worker",
      version: 1,
      scopes: ["orders:*"],
      metadata: { plan: "pro" },
      quota: { used: 2, remaining: 3 },
    });
    expect(verdict["decision"]).toMatch(/^\d+\.\d+$/);
  });

  it.each([
    ["suspended and out of scope", "suspend", { scopes: ["admin"] }, "key-suspended"],
    ["revoked and from elsewhere", "revoke", { ip: "198.51.100.7" }, "key-revoked"],
    ["revoked and too expensive", "revoke", { cost: 99 }, "key-revoked"],
  ])("names the first thing that is wrong: %s", async (_name, command, question, code) => {
    const { key, id } = await gateway.issue({ allowedIps: ["203.0.113.0/24"], quota: { limit: 5, period: "day" } });
    await gateway.control("POST", `/keys/${id}/${command}`);
    expect(await verify(key, question)).toMatchObject({ valid: false, code, keyId: id });
  });

  it("tells nothing to who proves nothing, and of a retired secret only whose it was", async () => {
    const { key, id } = await gateway.issue({ name: "billing worker", owner: "acme", metadata: { plan: "pro" } });
    await gateway.control("POST", `/keys/${id}/rotate`, {});
    const told = await verify(key);
    expect(Object.keys(told).toSorted()).toEqual([
      "code",
      "decision",
      "keyId",
      "owner",
      "requestId",
      "valid",
      "version",
    ]);
    expect(told).toMatchObject({ valid: false, code: "key-rotated", keyId: id, owner: "acme", version: 1 });
    const mistyped = `${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`;
    expect(Object.keys(await verify(mistyped)).toSorted()).toEqual(["code", "decision", "requestId", "valid"]);
  });
});

describe("the identity at the origin", () => {
  it("is that of the key that was admitted, whatever the caller says of itself", async () => {
    const mine = await gateway.issue({ owner: "acme", scopes: ["orders:read", "orders:write"] });
    const theirs = await gateway.issue({ owner: "umbrella" });
    gateway.seen();
    await gateway.use(mine.key, "/orders", {
      headers: { "rekey-key-id": theirs.id, "Rekey-Owner": "umbrella", rekey_owner: "umbrella", "rekey-scopes": "*" },
    });
    const [seen] = gateway.seen();
    expect(valuesOf(seen, "rekey-key-id")).toEqual([mine.id]);
    expect(valuesOf(seen, "rekey-owner")).toEqual(["acme"]);
    expect(valuesOf(seen, "rekey-key-version")).toEqual(["1"]);
    expect(valuesOf(seen, "rekey-scopes")).toEqual(["orders:read orders:write"]);
    expect(JSON.stringify(seen)).not.toContain("umbrella");
    expect(JSON.stringify(seen)).not.toContain(mine.key);
  });

  it("names the version of the secret that was used, also in a grace and among many rotations", async () => {
    const { key, id } = await gateway.issue();
    const holds = [key];
    for (let version = 1; version <= 3; version++) {
      const { key: fresh } = await gateway.control("POST", `/keys/${id}/rotate`, { graceSeconds: 3600 });
      holds.push(fresh as string);
    }
    gateway.seen();
    for (const [nth, each] of holds.entries()) expect((await use(doorFor(rekey, nth), each)).code).toBe("admitted");
    expect(gateway.seen().map((seen) => valuesOf(seen, "rekey-key-version"))).toEqual([["1"], ["2"], ["3"], ["4"]]);
  });

  it("does not exist for who was refused: the origin never hears of them", async () => {
    const { key, id } = await gateway.issue();
    await gateway.control("POST", `/keys/${id}/suspend`);
    gateway.seen();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, nth) => use(doorFor(rekey, nth), key)));
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(["key-suspended"]));
    expect(gateway.seen()).toEqual([]);
  });
});

describe("without a decision nobody passes", () => {
  /** From now on no write of this key's object succeeds once it has admitted so many. */
  const breakAfter = (id: string, admitted: number) =>
    rekey.objectSql(
      id,
      `CREATE TRIGGER full BEFORE INSERT ON part WHEN new.name = 'use' AND new.json ->> '$.admitted' > ${admitted}
       BEGIN SELECT RAISE(ABORT, 'disk full'); END`,
    );
  const mend = (id: string) => rekey.objectSql(id, "DROP TRIGGER full");

  it("a key whose object cannot write is 503 and never let in; afterwards its count is exact", async () => {
    const { key, id } = await gateway.issue({ quota: { limit: 20, period: "day" } });
    const other = await gateway.issue();
    for (let time = 0; time < 7; time++) expect((await use(rekey.url, key)).code).toBe("admitted");
    await breakAfter(id, 7);
    gateway.seen();
    const broken = await Promise.all(Array.from({ length: 30 }, (_, nth) => use(doorFor(rekey, nth), key)));
    for (const { status, code, headers } of broken) {
      expect([status, code]).toEqual([503, "unavailable"]);
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect(gateway.seen()).toEqual([]);
    // Other keys have objects of their own.
    expect((await use(rekey.url, other.key)).code).toBe("admitted");

    await mend(id);
    expect(await recordOf(rekey, id)).toMatchObject({ quota: { used: 7, remaining: 13 } });
    const answers = await Promise.all(Array.from({ length: 40 }, (_, nth) => use(doorFor(rekey, nth), key)));
    expect(answers.filter(({ code }) => code === "admitted")).toHaveLength(13);
  });

  it("an object that breaks in the midst of traffic loses no admission that it has answered, and grants none that it has not", async () => {
    const { key, id } = await gateway.issue({ quota: { limit: 200, period: "day" } });
    await breakAfter(id, 60);
    const answers = await Promise.all(Array.from({ length: 150 }, (_, nth) => use(doorFor(rekey, nth), key)));
    const admitted = answers.filter(({ code }) => code === "admitted").length;
    expect(new Set(answers.map(({ code }) => code))).toContain("unavailable");
    expect(admitted).toBeLessThanOrEqual(60);
    await mend(id);
    expect(await recordOf(rekey, id)).toMatchObject({ quota: { used: admitted } });
  });

  it("a change that cannot be written is 503, changed nothing, and can be asked for again", async () => {
    const { key, id } = await gateway.issue();
    const before = await recordOf(rekey, id);
    await rekey.objectSql(id, "CREATE TRIGGER full BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    for (const command of ["rotate", "revoke", "suspend"]) {
      const failed = await control(rekey, "POST", `/keys/${id}/${command}`, {});
      expect([failed.status, failed.code]).toEqual([503, "unavailable"]);
    }
    await rekey.objectSql(id, "DROP TRIGGER full");
    expect(await recordOf(rekey, id)).toEqual(before);
    expect((await use(rekey.url, key)).code).toBe("admitted");
    await done(control(rekey, "POST", `/keys/${id}/revoke`, {}));
    expect((await use(rekey.url, key)).code).toBe("key-revoked");
  });

  it("a key whose object was written by a newer release is 503 until that release is back", async () => {
    const { key, id } = await gateway.issue();
    await rekey.objectSql(id, "UPDATE schema_version SET version = version + 1");
    await rekey.evict(id);
    for (const door of rekey.urls) expect((await use(door, key)).code).toBe("unavailable");
    expect((await control(rekey, "POST", `/keys/${id}/revoke`, {})).status).toBe(503);
  });
});

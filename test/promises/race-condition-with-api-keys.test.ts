import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { control, doorFor, done, eventsOf, recordOf, rotate, tally, use } from "../support/over-http.ts";
import type { Rekey } from "../support/rekey.ts";

/**
 * "Race Condition with API Keys": two requests rotate one key at once and both are told a new key, of which one works;
 * a window of a rate limit is read, compared and written in three steps, and lets more in than it should.
 *
 * Promises P2 (exactly one secret is valid), P3 (one winner), P5 (exact windows).
 */
let gateway: Gateway;
let rekey: Rekey;

beforeAll(async () => {
  gateway = await startGateway({ edges: 2 });
  ({ rekey } = gateway);
  await rekey.addProcess();
});
afterAll(() => gateway[Symbol.asyncDispose]());

describe("60 rotations at once, over three doors, that name the same version", () => {
  it("have one winner, whose key works; the other 59 change nothing and are told the version that holds", async () => {
    const { key, id } = await gateway.issue();
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, nth) =>
        control(rekey, "POST", `/keys/${id}/rotate`, { expectedVersion: 1 }, doorFor(rekey, nth)),
      ),
    );
    expect(tally(answers.map(({ code }) => code))).toEqual({ admitted: 1, "version-conflict": 59 });
    for (const { status, code, body } of answers) {
      const told = code === "admitted" ? {} : { currentVersion: 2 };
      expect(body).toMatchObject(told);
      expect(status).toBe(code === "admitted" ? 200 : 409);
      expect("key" in body).toBe(code === "admitted");
    }
    const winner = answers.find(({ status }) => status === 200)!.body["key"] as string;
    expect((await use(rekey.url, winner)).code).toBe("admitted");
    expect((await eventsOf(rekey, id)).map(({ type }) => type)).toEqual(["key.created", "key.rotated"]);
    expect((await use(rekey.url, key)).code).toBe("key-rotated");
  });

  it("in five rounds make six versions", async () => {
    const { id } = await gateway.issue();
    for (let version = 1; version <= 5; version++) {
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, nth) =>
          control(rekey, "POST", `/keys/${id}/rotate`, { expectedVersion: version }, doorFor(rekey, nth)),
        ),
      );
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    }
    expect(await recordOf(rekey, id)).toMatchObject({ version: 6, revision: 6 });
  });
});

describe("30 rotations at once that name no version", () => {
  it("all happen, one after the other, and exactly one of the 31 keys is valid", async () => {
    const { key, id } = await gateway.issue();
    const keys = await Promise.all(Array.from({ length: 30 }, (_, nth) => rotate(rekey, id, doorFor(rekey, nth))));
    const heard = await Promise.all([key, ...keys].map((each, nth) => use(doorFor(rekey, nth), each)));
    expect(tally(heard.map(({ code }) => code))).toEqual({ admitted: 1, "key-rotated": 30 });
    expect(await recordOf(rekey, id)).toMatchObject({ version: 31 });
  });
});

describe("50 revocations at once, over three doors", () => {
  it("are one transition: one event, one revokedAt, and all of them succeed", async () => {
    const { key, id } = await gateway.issue();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, nth) => control(rekey, "POST", `/keys/${id}/revoke`, {}, doorFor(rekey, nth))),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const instants = new Set(answers.map(({ body }) => body["revokedAt"]));
    expect(instants.size).toBe(1);
    expect((await eventsOf(rekey, id)).map(({ type }) => type)).toEqual(["key.created", "key.revoked"]);
    expect((await use(rekey.url, key)).code).toBe("key-revoked");
  });
});

describe("a window of 40", () => {
  it("lets in exactly 40 of 300 at once over three doors, and the quota beside it has spent 40", async () => {
    const rateLimits = [{ name: "burst", algorithm: "window", limit: 40, windowSeconds: 3600 }];
    const { key, id } = await gateway.issue({ rateLimits, quota: { limit: 1000, period: "day" } });
    const answers = await Promise.all(Array.from({ length: 300 }, (_, nth) => use(doorFor(rekey, nth), key)));
    expect(tally(answers.map(({ code }) => code))).toEqual({ admitted: 40, "rate-limited": 260 });
    expect(await recordOf(rekey, id)).toMatchObject({ quota: { used: 40 }, rateLimits: [{ remaining: 0 }] });
    const refused = answers.find(({ status }) => status === 429)!;
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(3500);
  });

  it("opens again when more than the window has passed, for exactly 40 more, and not before", async () => {
    const rateLimits = [{ name: "burst", algorithm: "window", limit: 40, windowSeconds: 2 }];
    const { key, id } = await gateway.issue({ rateLimits });
    const burst = async () => {
      const answers = await Promise.all(Array.from({ length: 60 }, (_, nth) => use(doorFor(rekey, nth), key)));
      return answers.filter(({ code }) => code === "admitted").length;
    };
    const opened = Date.now();
    expect(await burst()).toBe(40);
    const { rateLimits: limits } = (await recordOf(rekey, id)) as { rateLimits: { resetsAt: string }[] };
    const resetsAt = Date.parse(limits[0]!.resetsAt);
    expect(resetsAt).toBeGreaterThanOrEqual(opened + 2001);
    // Knocks until it is let in, and notes when it knocked.
    let knocked = 0;
    do knocked = Date.now();
    while ((await use(rekey.url, key)).code !== "admitted");
    expect(Date.now()).toBeGreaterThanOrEqual(resetsAt);
    expect(knocked).toBeLessThan(resetsAt + 1000);
    expect(await burst()).toBe(39);
  });
});

it("at no instant are two secrets valid or none, without a grace: old and new are asked in one breath", async () => {
  const { key, id } = await gateway.issue();
  let holds = key;
  for (let time = 0; time < 10; time++) {
    const fresh = await rotate(rekey, id, doorFor(rekey, time));
    const pair = await Promise.all([holds, fresh].flatMap((each) => rekey.urls.map((door) => use(door, each))));
    expect(pair.map(({ status }) => status)).toEqual([401, 401, 401, 200, 200, 200]);
    holds = fresh;
  }
});

it("a grace that was asked for holds both, and the next rotation without one ends it at once", async () => {
  const { key, id } = await gateway.issue();
  const second = await rotate(rekey, id, rekey.url, { graceSeconds: 3600 });
  expect((await use(doorFor(rekey, 1), key)).code).toBe("admitted");
  expect((await use(doorFor(rekey, 2), second)).code).toBe("admitted");
  const retired = await done(control(rekey, "POST", `/keys/${id}/rotate`, {}));
  expect(retired["retired"]).toMatchObject({ version: 2 });
  for (const old of [key, second]) expect((await use(doorFor(rekey, 1), old)).code).toBe("key-rotated");
});

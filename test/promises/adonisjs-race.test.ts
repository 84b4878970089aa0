import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { doorFor, recordOf, rotate, tally, use } from "../support/over-http.ts";
import type { Rekey } from "../support/rekey.ts";

/**
 * "Race Condition in AdonisJS…": the number of uses is read, compared and written back, so that 500 requests at once
 * all see the same number and all are let in.
 *
 * Promise P4: a quota of N admits N, never N + 1, and N is reached; at any concurrency, from any number of doors,
 * across rotation, eviction and a kill of the process.
 */
let gateway: Gateway;
let rekey: Rekey;

beforeAll(async () => {
  gateway = await startGateway({ edges: 2 });
  ({ rekey } = gateway);
  await rekey.addProcess();
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** What so many requests at once hear, spread over all doors. */
const burst = async (requests: number, key: string): Promise<Record<string, number>> => {
  const answers = await Promise.all(Array.from({ length: requests }, (_, nth) => use(doorFor(rekey, nth), key)));
  return tally(answers.map(({ code }) => code));
};
const quotaOf = async (id: string) => (await recordOf(rekey, id))["quota"];

describe("500 requests at once, over three doors", () => {
  it("on a quota of 50: exactly 50 are admitted, and the origin sees exactly 50", async () => {
    const { key, id } = await gateway.issue({ quota: { limit: 50, period: "day" } });
    gateway.seen();
    expect(await burst(500, key)).toEqual({ admitted: 50, "quota-exceeded": 450 });
    expect(await quotaOf(id)).toMatchObject({ limit: 50, used: 50, remaining: 0 });
    expect(gateway.seen()).toHaveLength(50);
  });

  it.each([1, 2, 17, 499, 500, 501])("on a balance of %i: as many as there are", async (limit) => {
    const { key } = await gateway.issue({ quota: { limit, period: "none" } });
    const { admitted = 0 } = await burst(500, key);
    expect(admitted).toBe(Math.min(limit, 500));
  });

  it("after 49 of 50, two at once: one is admitted", async () => {
    const { key } = await gateway.issue({ quota: { limit: 50, period: "day" } });
    expect(await burst(49, key)).toEqual({ admitted: 49 });
    expect(await burst(2, key)).toEqual({ admitted: 1, "quota-exceeded": 1 });
  });

  it("that cross the line of a rotation by policy: one of them receives the successor", async () => {
    const rotation = { afterUses: 50, mode: "issue", graceSeconds: 60 };
    const { key } = await gateway.issue({ rotation });
    const answers = await Promise.all(Array.from({ length: 500 }, (_, nth) => use(doorFor(rekey, nth), key)));
    expect(tally(answers.map(({ code }) => code))).toEqual({ admitted: 500 });
    const successors = answers.flatMap(({ headers }) => headers.get("rekey-new-key") ?? []);
    expect(successors).toHaveLength(1);
    expect(await burst(3, successors[0]!)).toEqual({ admitted: 3 });
  });

  it("on ten keys at once: each has a quota of its own", async () => {
    const keys = await Promise.all(
      Array.from({ length: 10 }, (_, nth) => gateway.issue({ quota: { limit: 5 + nth, period: "day" } })),
    );
    const heard = await Promise.all(keys.map(({ key }) => burst(50, key)));
    expect(heard.map(({ admitted }) => admitted)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  });
});

describe("a quota of 50 that is used in bursts", () => {
  it("is neither reset nor copied by a rotation between any two of them", async () => {
    const { key, id } = await gateway.issue({ quota: { limit: 50, period: "day" } });
    let holds = key;
    let admitted = 0;
    for (let round = 0; round < 10; round++) {
      admitted += (await burst(9, holds))["admitted"] ?? 0;
      holds = await rotate(rekey, id, doorFor(rekey, round));
    }
    expect(admitted).toBe(50);
    expect(await burst(9, holds)).toEqual({ "quota-exceeded": 9 });
  });

  it("goes on where it stood when the object was thrown out of memory between any two of them", async () => {
    const { key, id } = await gateway.issue({ quota: { limit: 50, period: "day" } });
    let admitted = 0;
    // Once with some left, once with none: an object that was used takes seconds to fall asleep.
    for (let round = 0; round < 2; round++) {
      admitted += (await burst(30, key))["admitted"] ?? 0;
      expect(await rekey.evict(id)).toBe(true);
    }
    expect(await burst(30, key)).toEqual({ "quota-exceeded": 30 });
    expect(admitted).toBe(50);
    expect(await quotaOf(id)).toMatchObject({ used: 50 });
  });
});

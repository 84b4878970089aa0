import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { control, doorFor, eventsOf, recordOf, rotate, use } from "../support/over-http.ts";
import type { Rekey } from "../support/rekey.ts";

/**
 * SIGKILL, the whole process, workerd and all, in the midst of traffic; then the same storage again.
 *
 * Promises P1 and P4: whatever was answered is true afterwards. What was under way when the process died is unknown,
 * and counts as spent or as not spent, but never as more than there was.
 */
let gateway: Gateway;
let rekey: Rekey;

beforeAll(async () => {
  gateway = await startGateway({ edges: 2 });
  ({ rekey } = gateway);
});
afterAll(() => gateway[Symbol.asyncDispose]());

type Load = { admitted: number; refused: number; unknown: number };

/** Uses the key from twenty users at once until the process dies, and counts what was answered. */
function useUntilDeath(key: string): { load: Load; over: Promise<unknown> } {
  const load: Load = { admitted: 0, refused: 0, unknown: 0 };
  let alive = true;
  const users = Array.from({ length: 20 }, async (_, user) => {
    while (alive) {
      try {
        const { code } = await use(doorFor(rekey, user), key);
        if (code === "admitted") load.admitted += 1;
        else load.refused += 1;
      } catch {
        load.unknown += 1;
        alive = false;
      }
    }
  });
  return { load, over: Promise.all(users) };
}

describe("after a SIGKILL under load", () => {
  it("no answered admission is missing, and no unit is granted twice: three kills, one quota", async () => {
    const limit = 100_000;
    const { key, id } = await gateway.issue({ quota: { limit, period: "none" } });
    const total: Load = { admitted: 0, refused: 0, unknown: 0 };
    for (let kill = 0; kill < 3; kill++) {
      const { load, over } = useUntilDeath(key);
      const enough = 50 * (kill + 1);
      await expect.poll(() => load.admitted, { interval: 5, timeout: 20_000 }).toBeGreaterThan(enough);
      await rekey.restart();
      await over;
      total.admitted += load.admitted;
      total.unknown += load.unknown;
      expect(load.refused).toBe(0);
      const { used } = (await recordOf(rekey, id))["quota"] as { used: number };
      expect(used).toBeGreaterThanOrEqual(total.admitted);
      expect(used).toBeLessThanOrEqual(total.admitted + total.unknown);
    }
    expect(total.admitted).toBeGreaterThan(300);
  });

  it("50 of 50 is still 50 of 50: what was admitted before and what is admitted after, and what nobody heard of", async () => {
    const { key, id } = await gateway.issue({ quota: { limit: 50, period: "none" } });
    let before = 0;
    let unknown = 0;
    const burst = Array.from({ length: 60 }, async (_, nth) => {
      try {
        if ((await use(doorFor(rekey, nth), key)).code === "admitted") before += 1;
      } catch {
        unknown += 1;
      }
    });
    await expect.poll(() => before, { interval: 1, timeout: 20_000 }).toBeGreaterThan(0);
    await rekey.kill();
    await Promise.all(burst);
    await rekey.restart();
    const { used } = (await recordOf(rekey, id))["quota"] as { used: number };
    expect(used).toBeGreaterThanOrEqual(before);
    expect(used).toBeLessThanOrEqual(before + unknown);
    const answers = await Promise.all(Array.from({ length: 60 }, (_, nth) => use(doorFor(rekey, nth), key)));
    expect(answers.filter(({ code }) => code === "admitted")).toHaveLength(50 - used);
  });

  it("a rotation that was answered holds: the old key is dead and the new one lives, killed right after each answer", async () => {
    const { key, id } = await gateway.issue();
    let holds = key;
    for (let kill = 0; kill < 2; kill++) {
      const fresh = await rotate(rekey, id);
      await rekey.kill();
      await rekey.restart();
      expect((await use(rekey.url, holds)).code).toBe("key-rotated");
      expect((await use(rekey.url, fresh)).code).toBe("admitted");
      holds = fresh;
    }
    expect((await use(rekey.url, key)).code).toBe("key-rotated");
    expect((await eventsOf(rekey, id)).map(({ sequence, type }) => `${sequence} ${type}`)).toEqual([
      "1 key.created",
      "2 key.rotated",
      "3 key.alerted",
      "4 key.rotated",
    ]);
  });

  it("a key that was revoked stays revoked, one that was suspended stays suspended, one that was created exists", async () => {
    const [revoked, suspended, fresh] = [await gateway.issue(), await gateway.issue(), await gateway.issue()];
    await gateway.control("POST", `/keys/${suspended.id}/suspend`);
    await gateway.control("POST", `/keys/${revoked.id}/revoke`);
    await rekey.kill();
    await rekey.restart();
    expect((await use(rekey.url, revoked.key)).code).toBe("key-revoked");
    expect((await use(rekey.url, suspended.key)).code).toBe("key-suspended");
    expect((await use(rekey.url, fresh.key)).code).toBe("admitted");
  });

  it("a rotation that nobody heard of happened whole or not at all", async () => {
    const { key, id } = await gateway.issue();
    let newest = { version: 1, key };
    let answered = 1;
    const rotations = (async () => {
      for (;;) {
        const { status, body } = await control(rekey, "POST", `/keys/${id}/rotate`, {});
        if (status !== 200) throw new Error(`unexpected ${status}`);
        answered += 1;
        newest = { version: answered, key: body["key"] as string };
      }
    })().catch(() => undefined);
    await expect.poll(() => answered, { interval: 1, timeout: 20_000 }).toBeGreaterThan(5);
    await rekey.restart();
    await rotations;

    const { version } = (await recordOf(rekey, id)) as { version: number };
    expect([newest.version, newest.version + 1]).toContain(version);
    const heard = (await use(rekey.url, newest.key)).code;
    expect(heard).toBe(version === newest.version ? "admitted" : "key-rotated");
    const events = await eventsOf(rekey, id);
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, at) => at + 1));
    expect(events.filter(({ type }) => type !== "key.alerted")).toHaveLength(version);
  });
});

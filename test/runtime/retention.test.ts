import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { retain } from "../../src/chores/retain.ts";
import type { ChainProof } from "../../src/control/schema/proof.ts";
import { requireConfig } from "../../src/env.ts";
import { epochMs } from "../../src/key/time.ts";
import { deleteEventsBefore } from "../../src/ledger/retention.ts";
import { doChores } from "../../src/scheduled.ts";
import { control, told } from "../support/control.ts";
import { ledgerOf } from "../support/meet-ledger.ts";
import { asked, hears, openKey, rotated, type OpenKey } from "../support/open-key.ts";

const DAY = 86_400_000;

/** The proof of a key, in a deployment that keeps events for so many days. */
const proofOf = ({ id }: OpenKey, eventsRetentionDays: number | null = null) =>
  told<ChainProof>(control("GET", `/_rekey/v1/keys/${id}/events/proof`, { config: { eventsRetentionDays } }));
const sequences = async ({ id }: OpenKey) => (await ledgerOf(id)).sequences;
const anchorOf = ({ id }: OpenKey) =>
  env.DB.prepare("SELECT sequence FROM anchors WHERE key_id = ?").bind(id).first<number>("sequence");
const keepDays = (eventsRetentionDays: number | null) =>
  retain(env, { ...requireConfig(env), eventsRetentionDays }, epochMs(Date.now()));

beforeEach(async () => {
  // Ahead of the platform's clock: no alarm rings by itself.
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(Date.now() + 1000 * DAY);
  await env.DB.batch(["keys", "events", "anchors", "chores"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});
afterEach(() => void vi.useRealTimers());

/** A key to which something happened on each of so many days, the last of them today. */
async function keyOf(days: number): Promise<OpenKey> {
  const key = await openKey();
  for (let day = 1; day < days; day++) {
    vi.setSystemTime(Date.now() + DAY);
    await rotated(key.stub);
  }
  return key;
}

describe("events that are older than the deployment keeps them", () => {
  it("are deleted, to the millisecond, and the rest still verifies from where it begins", async () => {
    const key = await keyOf(10);
    vi.setSystemTime(Date.now() + 1);
    await keepDays(4);
    expect(await sequences(key)).toEqual([7, 8, 9, 10]);
    const proof = await proofOf(key, 4);
    expect(proof).toMatchObject({ intact: true, anchor: { sequence: 6 }, verifiedThrough: 10 });

    await env.DB.prepare("UPDATE events SET actor = 'somebody' WHERE key_id = ? AND sequence = 7").bind(key.id).run();
    expect(await proofOf(key, 4)).toMatchObject({ fault: { sequence: 7, kind: "altered" } });
  });

  it("at the very age they are still there", async () => {
    const key = await keyOf(5);
    await keepDays(4);
    expect(await sequences(key)).toEqual([1, 2, 3, 4, 5]);
  });

  it("may be all that a key has: then its history is as long as what the key itself says", async () => {
    const key = await keyOf(3);
    vi.setSystemTime(Date.now() + 100 * DAY);
    await keepDays(4);
    expect(await sequences(key)).toEqual([]);
    expect(await proofOf(key)).toMatchObject({ intact: true, anchor: { sequence: 3 }, verifiedThrough: 3 });
    await rotated(key.stub);
    expect(await proofOf(key)).toMatchObject({ intact: true, anchor: { sequence: 3 }, verifiedThrough: 4 });

    await env.DB.prepare("UPDATE anchors SET hash = 'x' WHERE key_id = ?").bind(key.id).run();
    expect(await proofOf(key)).toMatchObject({ fault: { sequence: 4, kind: "altered" } });
  });

  it("are not looked for by default: everything stays for ever", async () => {
    const key = await keyOf(3);
    vi.setSystemTime(Date.now() + 10_000 * DAY);
    await keepDays(null);
    await doChores(env);
    expect(await sequences(key)).toEqual([1, 2, 3]);
    expect(await anchorOf(key)).toBeNull();
  });

  it("do not come back with a delivery that repeats them", async () => {
    const key = await keyOf(6);
    vi.setSystemTime(Date.now() + 1);
    await keepDays(3);
    await env.DB.prepare("DELETE FROM events WHERE key_id = ? AND sequence = 5").bind(key.id).run();
    await doChores(env, epochMs(Date.now()));
    expect(await sequences(key)).toEqual([4, 5, 6]);
    expect(await proofOf(key, 3)).toMatchObject({ intact: true, anchor: { sequence: 3 } });
  });

  it("are deleted a part at a time, the oldest first, and every part leaves a history that verifies", async () => {
    const keys = [await keyOf(4), await keyOf(4), await keyOf(4)];
    const before = epochMs(Date.now() + 1);
    let left = 12;
    for (let part = 0; part < 3; part++) {
      expect(await deleteEventsBefore(env.DB, before, 5)).toBe(Math.min(5, left));
      left = Math.max(0, left - 5);
      const counts = await Promise.all(keys.map(sequences));
      expect(counts.flat()).toHaveLength(left);
      for (const key of keys) expect(await proofOf(key, 0)).toMatchObject({ intact: true, verifiedThrough: 4 });
    }
  });

  it("take their alerts with them, and neither comes back with a delivery that repeats them", async () => {
    const key = await openKey();
    await rotated(key.stub);
    for (let day = 1; day <= 3; day++) {
      vi.setSystemTime(Date.now() + DAY);
      expect(await hears(key.stub, key.credential)).toBe("key-rotated");
      await key.stub.suspend(asked);
      await key.stub.resume(asked);
    }
    const alerts = async () =>
      (
        await env.DB.prepare("SELECT at_ms FROM alerts WHERE key_id = ? ORDER BY at_ms")
          .bind(key.id)
          .all<{ at_ms: number }>()
      ).results.map(({ at_ms }) => (Date.now() - at_ms) / DAY);
    expect(await alerts()).toEqual([2, 1, 0]);
    vi.setSystemTime(Date.now() + 1);
    await keepDays(1);
    const kept = await alerts();
    expect(kept.map(Math.floor)).toEqual([0]);
    await env.DB.prepare("DELETE FROM alerts WHERE key_id = ?").bind(key.id).run();
    await env.DB.prepare(
      "DELETE FROM events WHERE key_id = ? AND sequence = (SELECT max(sequence) FROM events WHERE key_id = ?1)",
    )
      .bind(key.id)
      .run();
    await doChores(env, epochMs(Date.now()));
    expect(await alerts()).toEqual(kept);
  });

  it("leave no trace of a key that is purged afterwards", async () => {
    const key = await keyOf(3);
    vi.setSystemTime(Date.now() + 100 * DAY);
    await keepDays(1);
    expect(await anchorOf(key)).toBe(3);
    await key.stub.revoke(asked);
    await key.stub.purge(asked);
    expect(await anchorOf(key)).toBeNull();
    expect(await proofOf(key)).toMatchObject({ intact: true, anchor: { sequence: 4 }, verifiedThrough: 5 });
  });
});

describe("a beginning that was deleted as if for its age", () => {
  /** What somebody would do who can write to D1, and has read this: the last hash that fits stays, and nothing before it. */
  const forge = ({ id }: OpenKey, through: number) =>
    env.DB.batch([
      env.DB.prepare(
        `INSERT OR REPLACE INTO anchors (key_id, sequence, hash)
         SELECT key_id, sequence, hash FROM events WHERE key_id = ?1 AND sequence = ?2`,
      ).bind(id, through),
      env.DB.prepare("DELETE FROM events WHERE key_id = ?1 AND sequence <= ?2").bind(id, through),
    ]);

  it.each([1, 6, 9, 10])("is named as removed, up to event %i of 10 and be it all there is", async (through) => {
    const key = await keyOf(10);
    await forge(key, through);
    expect(await sequences(key)).toHaveLength(10 - through);
    const named = { intact: false, fault: { sequence: through, kind: "removed" }, anchor: { sequence: through } };
    expect(await proofOf(key)).toMatchObject(named);
    expect(await proofOf(key, 90)).toMatchObject(named);
  });

  it("is judged by the age of its newest event: to a minute of clocks that differ, and for 30 days", async () => {
    const key = await keyOf(10);
    await forge(key, 6);
    // Event 6 is four days old.
    expect(await proofOf(key, 5)).toMatchObject({ intact: false });
    expect(await proofOf(key, 4)).toMatchObject({ intact: true });
    vi.setSystemTime(Date.now() + DAY - 60_001);
    expect(await proofOf(key, 5)).toMatchObject({ intact: false });
    vi.setSystemTime(Date.now() + 1);
    expect(await proofOf(key, 5)).toMatchObject({ intact: true });
    vi.setSystemTime(Date.now() + 25 * DAY);
    expect(await proofOf(key)).toMatchObject({ intact: true });
  });
});

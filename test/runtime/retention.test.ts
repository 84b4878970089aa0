import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { forgetOldSightings } from "../../src/chores/forget-sightings.ts";
import { retain } from "../../src/chores/retain.ts";
import type { ChainProof } from "../../src/control/schema/proof.ts";
import { requireConfig } from "../../src/env.ts";
import { epochMs } from "../../src/key/time.ts";
import { GENESIS, wholeHashOf, type Link } from "../../src/key/chain.ts";
import { forgetSightings } from "../../src/ledger/sightings.ts";
import { ringTally } from "../support/tally-timer.ts";
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

describe("what refusals and alerts say of people", () => {
  const forget = (sightingsRetentionDays = 90) =>
    forgetOldSightings(env, { ...requireConfig(env), sightingsRetentionDays }, epochMs(Date.now()));
  const proof = ({ id }: OpenKey) => told<ChainProof>(control("GET", `/_rekey/v1/keys/${id}/events/proof`));
  const rowsOf = async ({ id }: OpenKey) =>
    (await env.DB.prepare("SELECT * FROM events WHERE key_id = ? ORDER BY sequence").bind(id).all()).results;
  const alertsOf = ({ id }: OpenKey) =>
    env.DB.prepare("SELECT count(*) AS n FROM alerts WHERE key_id = ?").bind(id).first<number>("n");
  const call = { method: "GET", path: "/v1/ada", route: null, country: "DE" };

  /** A key that was created, rotated and then tried with its old secret: an alert, and a refusal; suspended at last. */
  async function tried(): Promise<OpenKey> {
    const key = await openKey();
    await rotated(key.stub);
    await hears(key.stub, key.credential, { ip: "203.0.113.77", requestId: "req_ada", call });
    vi.setSystemTime(Date.now() + 60_000);
    await runInDurableObject(key.stub, ringTally);
    await key.stub.suspend(asked);
    expect((await rowsOf(key)).map(({ type }) => type)).toEqual([
      "key.created",
      "key.rotated",
      "key.alerted",
      "key.refused",
      "key.suspended",
    ]);
    return key;
  }

  it("is kept for 90 days if nobody says otherwise, and forgotten then: that it happened, and when, stays proven", async () => {
    const key = await tried();
    const before = await rowsOf(key);
    expect(JSON.stringify(before)).toContain("203.0.113.77");
    vi.setSystemTime(before[3]!["at_ms"] as number);
    vi.setSystemTime(Date.now() + 90 * DAY - 60_000);
    await forget();
    expect(await rowsOf(key)).toEqual(before);

    vi.setSystemTime(Date.now() + DAY + 1);
    await doChores(env);
    const rows = await rowsOf(key);
    expect(rows.map(({ sequence, type, at_ms, hash, owner }) => [sequence, type, at_ms, hash, owner])).toEqual(
      before.map(({ sequence, type, at_ms, hash, owner }) => [sequence, type, at_ms, hash, owner]),
    );
    for (const trace of ["203.0.113.77", "/v1/ada", "req_ada"]) expect(JSON.stringify(rows)).not.toContain(trace);
    expect(rows[2]).toMatchObject({
      actor: "",
      ip: null,
      detail: expect.stringMatching(/^{"forgotten":"[\w-]{43}"}$/),
    });
    expect([rows[0], rows[1], rows[4]]).toEqual([before[0], before[1], before[4]]);
    expect(await alertsOf(key)).toBe(0);
    expect(await proof(key)).toMatchObject({ intact: true, verifiedThrough: 5 });
    // Once is enough.
    vi.setSystemTime(Date.now() + 2 * DAY);
    await doChores(env);
    expect(await rowsOf(key)).toEqual(rows);
  });

  it.each([
    ["when it was", "at_ms = at_ms + 1"],
    ["what it was", "type = 'key.alerted'"],
    ["which one it was", `detail = replace(detail, substr(detail, 16, 5), 'xxxxx')`],
    ["that it was forgotten", "detail = '{}'"],
  ])("cannot be altered afterwards: %s", async (_what, change) => {
    const key = await tried();
    vi.setSystemTime(Date.now() + 100 * DAY);
    await forget();
    expect(await proof(key)).toMatchObject({ intact: true });
    await env.DB.prepare(`UPDATE events SET ${change} WHERE key_id = ? AND type = 'key.refused'`).bind(key.id).run();
    expect(await proof(key)).toMatchObject({ intact: false, fault: { sequence: 4, kind: "altered" } });
  });

  it("is missed where it was forgotten before its time, and no other event passes for forgotten", async () => {
    const key = await tried();
    await forget(1);
    vi.setSystemTime(Date.now() + 2 * DAY);
    await forget(1);
    expect(await proof(key)).toMatchObject({
      fault: { sequence: 3, message: expect.stringContaining("before its time") },
    });
    vi.setSystemTime(Date.now() + 30 * DAY);
    expect(await proof(key)).toMatchObject({ intact: true });
    await env.DB.prepare(
      `UPDATE events SET actor = '', request_id = '', detail = (SELECT detail FROM events WHERE key_id = ?1 AND sequence = 3)
       WHERE key_id = ?1 AND sequence = 2`,
    )
      .bind(key.id)
      .run();
    expect(await proof(key)).toMatchObject({ fault: { sequence: 2, kind: "altered" } });
  });

  it("stays as it is where an earlier release has hashed all of it, and proves as it did", async () => {
    const key = await tried();
    const { results } = await env.DB.prepare(
      `SELECT key_id AS keyId, sequence, type, at_ms AS at, actor, request_id AS requestId, ip, user_agent AS userAgent,
              country, detail FROM events WHERE key_id = ? ORDER BY sequence`,
    )
      .bind(key.id)
      .all<Link>();
    let hash = GENESIS;
    const hashes = results.map((row) => ({ sequence: row.sequence, hash: (hash = wholeHashOf(hash, row)) }));
    await env.DB.batch(
      hashes.map((each) =>
        env.DB.prepare("UPDATE events SET hash = ? WHERE key_id = ? AND sequence = ?").bind(
          each.hash,
          key.id,
          each.sequence,
        ),
      ),
    );
    await runInDurableObject(key.stub, (_object, { storage }) => {
      for (const each of hashes)
        storage.sql.exec("UPDATE event SET hash = ? WHERE sequence = ?", each.hash, each.sequence);
    });
    await evictDurableObject(key.stub);
    expect(await proof(key)).toMatchObject({ intact: true, verifiedThrough: 5 });
    const before = await rowsOf(key);
    vi.setSystemTime(Date.now() + 100 * DAY);
    await forget();
    expect(await rowsOf(key)).toEqual(before);
    await key.stub.resume(asked);
    expect(await proof(key)).toMatchObject({ intact: true, verifiedThrough: 6 });
  });

  it("goes a part at a time, to the end, and again a day later: a ledger that was restored has some of it again", async () => {
    const keys = [await tried(), await tried(), await tried()];
    const before = await Promise.all(keys.map(rowsOf));
    const at = epochMs(Date.now() + 1);
    let places = {};
    for (const isOver of [false, false, false, true]) {
      const part = await forgetSightings(env.DB, at, places, 1);
      expect(part.isOver).toBe(isOver);
      ({ places } = part);
    }
    for (const key of keys) expect((await rowsOf(key)).filter(({ actor }) => actor === "")).toHaveLength(2);

    vi.setSystemTime(Date.now() + 100 * DAY);
    await forget();
    for (const row of before.flat()) {
      const columns = ["actor", "request_id", "ip", "user_agent", "country", "detail"];
      const set = columns.map((column) => `${column} = ?`).join(", ");
      await env.DB.prepare(`UPDATE events SET ${set} WHERE key_id = ? AND sequence = ?`)
        .bind(...[...columns, "key_id", "sequence"].map((column) => row[column]))
        .run();
    }
    vi.setSystemTime(Date.now() + DAY - 1);
    await forget();
    expect((await rowsOf(keys[0]!)).filter(({ actor }) => actor === "")).toHaveLength(0);
    vi.setSystemTime(Date.now() + 1);
    await forget();
    for (const [nth, key] of keys.entries()) {
      expect((await rowsOf(key)).filter(({ actor }) => actor === "")).toHaveLength(2);
      expect(await proof(key), String(nth)).toMatchObject({ intact: true });
    }
  });
});

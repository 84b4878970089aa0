import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { PROOF_PAGE } from "../../src/control/prove.ts";
import { chainProof, type ChainProof } from "../../src/control/schema/proof.ts";
import { judge } from "../../src/control/faults.ts";
import type { Authority } from "../../src/key/authority.ts";
import { chained, GENESIS, hashOf, type EventHash, type Link } from "../../src/key/chain.ts";
import type { KeyId } from "../../src/key/credential.ts";
import type { KeyEvent } from "../../src/key/event.ts";
import { control, told } from "../support/control.ts";
import { asked, openKey, stubOf, type OpenKey } from "../support/open-key.ts";
import { meetLedger } from "../support/meet-ledger.ts";

const proofOf = (id: string) => told<ChainProof>(control("GET", `/_rekey/v1/keys/${id}/events/proof`));
const sql = (text: string, ...values: unknown[]) =>
  env.DB.prepare(text)
    .bind(...values)
    .run();

/** A key with so many events, all of them delivered. */
async function keyWith(events: number): Promise<OpenKey> {
  const key = await openKey({ owner: "acme" });
  const by = { ...asked.by, ip: "203.0.113.7", userAgent: "curl/8", country: "DE" };
  for (let time = 1; time < events; time++) {
    await (time % 2 === 1 ? key.stub.suspend({ ...asked, by }) : key.stub.resume({ ...asked, by, reason: "again" }));
  }
  return key;
}

type Row = Link & { readonly owner: string | null; readonly hash: EventHash };

/** The rows of the ledger in the fields that are hashed. */
async function linksOf(id: string): Promise<Row[]> {
  const { results } = await env.DB.prepare(
    `SELECT key_id AS keyId, sequence, type, at_ms AS at, actor, request_id AS requestId, ip, user_agent AS userAgent,
            country, detail, owner, hash FROM events WHERE key_id = ? ORDER BY sequence`,
  )
    .bind(id)
    .all<Row>();
  return results;
}

/** Puts rows in the place of all that the ledger has of a key. */
async function rewrite(id: string, rows: readonly Row[]): Promise<void> {
  await sql("DELETE FROM events WHERE key_id = ?", id);
  for (const row of rows) {
    const { keyId, sequence, type, at, actor, requestId, ip, userAgent, country, detail, owner, hash } = row;
    await env.DB.prepare(
      `INSERT INTO events (key_id, sequence, type, at_ms, actor, request_id, ip, user_agent, country, detail, owner, hash)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
      .bind(keyId, sequence, type, at, actor, requestId, ip, userAgent, country, detail, owner, hash)
      .run();
  }
}

/** The rows numbered from 1 on in this order, with hashes that fit one another: what somebody with time would forge. */
function forged(rows: readonly Row[]): Row[] {
  let hash = GENESIS;
  return rows.map((row, at) => {
    const renumbered = { ...row, sequence: at + 1 };
    return { ...renumbered, hash: (hash = hashOf(hash, renumbered)) };
  });
}

describe("a history that nobody touched", () => {
  it("is whole: from its first event to the newest of the key's own object", async () => {
    const { id, stub } = await keyWith(5);
    const proof = await proofOf(id);
    const { hash } = (await linksOf(id)).at(-1)!;
    expect(proof).toEqual({
      keyId: id,
      intact: true,
      fault: null,
      anchor: { sequence: 0, hash: "" },
      verifiedThrough: 5,
      onlyInLedger: [],
      deliveredThrough: 5,
      head: { sequence: 5, hash },
      asOf: expect.any(String),
    });
    expect(judge(chainProof, proof)).toMatchObject({ ok: true });
    await evictDurableObject(stub);
    expect(await proofOf(id)).toMatchObject({ intact: true, head: { sequence: 5, hash } });
  });

  it("has in the ledger the very hashes that the object computed, each over the event before it", async () => {
    const { id, stub } = await keyWith(4);
    const history = await stub.events({ ...asked, before: null, limit: 10 });
    const events = (history as unknown as { events: KeyEvent[] }).events.toReversed();
    const chain = chained(id, GENESIS, events).map(({ hash }) => hash);
    expect((await linksOf(id)).map(({ hash }) => hash)).toEqual(chain);
  });

  it.each([PROOF_PAGE - 1, PROOF_PAGE, PROOF_PAGE + 1, 2 * PROOF_PAGE + 1])(
    "of %i events is followed to its end",
    async (events) => {
      const { id, stub } = await openKey();
      const changes = Array.from({ length: events - 1 }, (_, at) =>
        at % 2 ? stub.resume(asked) : stub.suspend(asked),
      );
      await Promise.all(changes);
      await expect.poll(() => proofOf(id)).toMatchObject({ intact: true, verifiedThrough: events });
      await sql("UPDATE events SET actor = 'nobody' WHERE key_id = ? AND sequence = ?", id, events);
      expect(await proofOf(id)).toMatchObject({ fault: { sequence: events, kind: "altered" } });
    },
  );

  it("that is not delivered to its end is no fault, and says how far it is", async () => {
    const { id, stub } = await keyWith(2);
    using ledger = meetLedger();
    ledger.meets = "fail";
    await stub.resume(asked);
    expect(await proofOf(id)).toMatchObject({
      intact: true,
      verifiedThrough: 2,
      deliveredThrough: 2,
      head: { sequence: 3 },
    });
  });

  it("of a purged key is the one event that is left of it", async () => {
    const { id, stub } = await keyWith(3);
    await stub.revoke(asked);
    await stub.purge(asked);
    expect(await proofOf(id)).toMatchObject({ intact: true, anchor: { sequence: 4 }, head: { sequence: 5 } });
    await sql("UPDATE events SET actor = 'nobody' WHERE key_id = ?", id);
    expect(await proofOf(id)).toMatchObject({ fault: { sequence: 5, kind: "altered" } });
    await sql("DELETE FROM events WHERE key_id = ?", id);
    expect(await proofOf(id)).toMatchObject({ fault: { sequence: 5, kind: "removed" } });
  });
});

describe("a row that was altered is named", () => {
  const ALTERATIONS: readonly (readonly [string, string | number | null])[] = [
    ["type", "key.resumed "],
    ["at_ms", 1],
    ["actor", "somebody"],
    ["request_id", "req_0"],
    ["ip", "203.0.113.8"],
    ["ip", null],
    ["user_agent", ""],
    ["country", "AT"],
    ["detail", '{"reason":"another"}'],
    ["detail", "{}  "],
    ["owner", "globex"],
    ["owner", null],
    ["hash", "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"],
    ["hash", null],
  ];

  it.each(ALTERATIONS)("whose %s is %j now, be it the first, one in the middle, or the last", async (column, value) => {
    // Of who created it nothing more is known here than the actor.
    for (const sequence of [column === "ip" && value === null ? 2 : 1, 3, 5]) {
      const { id } = await keyWith(5);
      await sql(`UPDATE events SET ${column} = ? WHERE key_id = ? AND sequence = ?`, value, id, sequence);
      expect(await proofOf(id)).toMatchObject({
        intact: false,
        fault: { sequence, kind: "altered" },
        verifiedThrough: sequence - 1,
      });
    }
  });

  it.each([1, 3, 5])("even if all hashes from event %i on were computed anew", async (sequence) => {
    const { id } = await keyWith(5);
    const rows = await linksOf(id);
    await rewrite(id, forged(rows.map((row) => (row.sequence === sequence ? { ...row, actor: "somebody" } : row))));
    expect(await proofOf(id)).toMatchObject({ fault: { sequence, kind: "altered" } });
  });

  it("where the object no longer holds it: at the first event that it still holds", async () => {
    const { id, stub } = await keyWith(5);
    await runInDurableObject(stub, (_object, { storage }) =>
      storage.sql.exec("DELETE FROM event WHERE sequence < 4").toArray(),
    );
    expect(await proofOf(id)).toMatchObject({ intact: true });
    const rows = await linksOf(id);
    await rewrite(id, forged(rows.map((row) => (row.sequence === 2 ? { ...row, actor: "somebody" } : row))));
    expect(await proofOf(id)).toMatchObject({ fault: { sequence: 4, kind: "altered" } });
    // Without the trouble of computing the rest anew it is named itself.
    await rewrite(id, rows);
    await sql("UPDATE events SET actor = 'somebody' WHERE key_id = ? AND sequence = 2", id);
    expect(await proofOf(id)).toMatchObject({ fault: { sequence: 2, kind: "altered" } });
  });
});

describe("a row that was removed is named", () => {
  it.each([1, 3, 5])("%i of 5", async (sequence) => {
    const { id } = await keyWith(5);
    await sql("DELETE FROM events WHERE key_id = ? AND sequence = ?", id, sequence);
    expect(await proofOf(id)).toMatchObject({
      intact: false,
      fault: { sequence, kind: "removed" },
      verifiedThrough: sequence - 1,
    });
  });

  it("when all of them were", async () => {
    const { id } = await keyWith(2);
    await sql("DELETE FROM events WHERE key_id = ?", id);
    expect(await proofOf(id)).toMatchObject({ fault: { sequence: 1, kind: "removed" } });
  });

  it("when it was given to another key, which has one too many", async () => {
    const [robbed, other] = [await keyWith(3), await keyWith(2)];
    await sql("UPDATE events SET key_id = ? WHERE key_id = ? AND sequence = 3", other.id, robbed.id);
    expect(await proofOf(robbed.id)).toMatchObject({ fault: { sequence: 3, kind: "removed" } });
    expect(await proofOf(other.id)).toMatchObject({ fault: { sequence: 3, kind: "inserted" } });
  });

  it("when those behind it have moved up, with fitting hashes: where the first one stands that does not belong", async () => {
    const { id } = await keyWith(5);
    const rows = await linksOf(id);
    await rewrite(id, forged(rows.filter(({ sequence }) => sequence !== 2)));
    expect(await proofOf(id)).toMatchObject({ fault: { sequence: 2, kind: "altered" }, verifiedThrough: 1 });
  });
});

describe("a row that was inserted is named", () => {
  const another = (id: KeyId, sequence: number) =>
    sql(
      "INSERT INTO events (key_id, sequence, type, at_ms, actor, request_id, detail, owner, hash) VALUES (?, ?, 'key.resumed', 1, 'admin', 'req_1', '{}', 'acme', 'x')",
      id,
      sequence,
    );

  it.each([-1, 0, 6, 600])("at %i of 5", async (sequence) => {
    const { id } = await keyWith(5);
    await another(id, sequence);
    expect(await proofOf(id)).toMatchObject({ intact: false, fault: { sequence, kind: "inserted" } });
  });

  it("in the middle, the others moved on and all hashes fitting: where it stands", async () => {
    const { id } = await keyWith(5);
    const rows = await linksOf(id);
    await rewrite(id, forged([...rows.slice(0, 2), { ...rows[1]!, actor: "somebody" }, ...rows.slice(2)]));
    expect(await proofOf(id)).toMatchObject({ fault: { sequence: 3, kind: "altered" }, verifiedThrough: 2 });
  });
});

describe("rows that changed places are named", () => {
  it("two that were swapped, with their own hashes or with fitting ones", async () => {
    const { id } = await keyWith(5);
    const [first, second, third, fourth, fifth] = (await linksOf(id)) as [Row, Row, Row, Row, Row];
    const swapped = [first, { ...fourth, sequence: 2 }, third, { ...second, sequence: 4 }, fifth];
    for (const rows of [swapped, forged(swapped)]) {
      await rewrite(id, rows);
      expect(await proofOf(id)).toMatchObject({ fault: { sequence: 2, kind: "altered" } });
    }
  });

  it("all of them, the newest first", async () => {
    const { id } = await keyWith(5);
    await rewrite(id, forged((await linksOf(id)).toReversed()));
    expect(await proofOf(id)).toMatchObject({ fault: { sequence: 1, kind: "altered" } });
  });
});

describe("who may ask for it", () => {
  it("nobody learns whether a key exists that is not theirs", async () => {
    const { id } = await keyWith(1);
    const ask = (authority: Authority) => stubOf(id).account({ authority, after: 0, limit: 1 });
    const globex: Authority = { kind: "control-key", keyId: id, owner: "globex", scopes: ["rekey:audit:read"] };
    expect(await ask(globex)).toMatchObject({ reached: false, because: "not-found" });
    expect(await ask({ ...globex, owner: "acme" })).toMatchObject({ reached: true });
    await told(control("GET", "/_rekey/v1/keys/key_0000000000000404/events/proof"), 404);
  });
});

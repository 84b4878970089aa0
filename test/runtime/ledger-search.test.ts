import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { EVENT_TYPES } from "../../src/key/event.ts";
import type { KeyRecord } from "../../src/key/record.ts";
import { deliver } from "../support/tell-ledger.ts";
import { listEvents, type EventFilter, type EventPlace } from "../../src/ledger/events.ts";
import { listKeys, peppersInUse, type KeyFilter } from "../../src/ledger/keys.ts";
import { listOwners, recordOwner } from "../../src/ledger/owners.ts";
import { t } from "../support/a-key.ts";
import { anEvent, aRecord, idOf } from "../support/a-record.ts";
import { planOf } from "../support/query-plan.ts";

const ANY: KeyFilter = {
  owner: null,
  status: null,
  environment: null,
  pepper: null,
  beyondLifetime: null,
  search: null,
};
const page = { after: null, limit: 200, now: t(0) };
const list = (filter: Partial<KeyFilter>) => listKeys(env.DB, { ...page, filter: { ...ANY, ...filter } });
const numbers = (keys: readonly { readonly id: string }[]) => keys.map(({ id }) => Number(id.slice(-4)));

beforeEach(async () => {
  await env.DB.batch(["keys", "events", "owners"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

/** Brings keys to the ledger, the first one the oldest. */
async function bring(...records: readonly Parameters<typeof aRecord>[]): Promise<void> {
  for (const [at, [profile, standing, now]] of records.entries()) {
    const id = idOf(at + 1);
    await deliver(env.DB, {
      record: aRecord({ ...profile, id, createdAt: t(at) }, standing, now),
      events: [anEvent(1, "key.created", { at: t(at) })],
    });
  }
}
const aPepper = (pepper: string): Pick<Parameters<typeof aRecord>[1] & object, "secret"> => ({
  secret: { digest: "" as never, hint: "…", pepper },
});

describe("a search of keys", () => {
  it("finds a name by how it begins, in any case and any script", async () => {
    await bring(
      [{ name: "Billing worker" }],
      [{ name: "billing" }],
      [{ name: "big" }],
      [{ name: "ÉCLAIR" }],
      [{ name: "50%_off" }],
    );
    expect(numbers(await list({ search: "BILL" }))).toEqual([2, 1]);
    expect(numbers(await list({ search: "bi" }))).toEqual([3, 2, 1]);
    expect(numbers(await list({ search: "éclair" }))).toEqual([4]);
    expect(numbers(await list({ search: "illing" }))).toEqual([]);
    // Nothing in a search means anything but itself.
    expect(numbers(await list({ search: "50%_" }))).toEqual([5]);
    expect(numbers(await list({ search: "%" }))).toEqual([]);
    expect(numbers(await list({ search: "billing%" }))).toEqual([]);
  });

  it("finds a key by its whole id, and by no part of it", async () => {
    await bring([{}], [{}]);
    expect(numbers(await list({ search: idOf(2) }))).toEqual([2]);
    expect(numbers(await list({ search: idOf(2).slice(0, -1) }))).toEqual([]);
  });

  it("follows a name that was changed", async () => {
    await bring([{ name: "old" }]);
    await deliver(env.DB, { record: aRecord({ id: idOf(1), name: "new" }, { revision: 2 }), events: [] });
    expect([numbers(await list({ search: "old" })), numbers(await list({ search: "new" }))]).toEqual([[], [1]]);
  });

  it("with several conditions has what all of them say", async () => {
    await bring(
      [{ owner: "acme", environment: "live", name: "a" }, aPepper("a")],
      [{ owner: "acme", environment: "test", name: "a" }, aPepper("a")],
      [{ owner: "acme", environment: "live", name: "b" }, aPepper("b")],
      [{ owner: "globex", environment: "live", name: "a" }, aPepper("a")],
      [
        { owner: "acme", environment: "live", name: "a" },
        { ...aPepper("a"), revokedAt: t(5) },
      ],
    );
    expect(numbers(await list({ environment: "test" }))).toEqual([2]);
    expect(numbers(await list({ pepper: "b" }))).toEqual([3]);
    expect(numbers(await list({ owner: "acme", environment: "live" }))).toEqual([5, 3, 1]);
    const all = { owner: "acme", environment: "live", pepper: "a", search: "A", status: "active" } as const;
    expect(numbers(await list(all))).toEqual([1]);
  });

  it("tells keys that somebody lets live beyond their lifetime from all others", async () => {
    const life = { lifetimeSeconds: 60, owner: "acme" };
    await bring(
      [life, { expiresAt: t(60) }],
      [life, { expiresAt: t(600), endSetAt: t(2) }],
      [{ lifetimeSeconds: 60 }, { expiresAt: null, endSetAt: t(2) }],
      [life, { expiresAt: t(600), endSetAt: t(2), revokedAt: t(5) }],
      [{}, {}],
    );
    expect(numbers(await list({ beyondLifetime: true }))).toEqual([4, 3, 2]);
    expect(numbers(await list({ beyondLifetime: false }))).toEqual([5, 1]);
    expect(numbers(await list({ beyondLifetime: true, owner: "acme", status: "active" }))).toEqual([2]);
    // Somebody thinks better of it.
    const again = aRecord({ ...life, id: idOf(2), createdAt: t(1) }, { expiresAt: t(61), endSetAt: t(9), revision: 2 });
    await deliver(env.DB, { record: again, events: [] });
    await deliver(env.DB, { purged: idOf(4), events: [anEvent(2, "key.purged")] });
    expect(numbers(await list({ beyondLifetime: true }))).toEqual([3]);
  });

  it("shows no key that was purged, whatever is asked", async () => {
    await bring([{ owner: "acme", name: "gone", environment: "test" }]);
    await deliver(env.DB, { purged: idOf(1), events: [anEvent(2, "key.purged")] });
    for (const filter of [
      {},
      { owner: "acme" },
      { search: idOf(1) },
      { search: "g" },
      { environment: "test" as const },
    ]) {
      expect(await list(filter)).toEqual([]);
    }
    const row = await env.DB.prepare("SELECT * FROM keys").first();
    expect(Object.values(row!)).not.toContain("gone");
    expect(Object.values(row!)).not.toContain("acme");
  });
});

describe("no search reads the whole ledger", () => {
  const after = { createdAt: t(0), id: idOf(1) };
  const BEHIND = "(created_at_ms,id)<(?,?)";

  it.each<[string, Partial<KeyFilter>, string, string]>([
    ["environment", { environment: "test" }, "keys_in_environment", "environment=?"],
    ["pepper", { pepper: "a" }, "keys_with_pepper", "pepper=?"],
    [
      "owner and all else",
      { owner: "acme", environment: "live", pepper: "a", status: "active", search: "x" },
      "keys_of_owner",
      "owner=?",
    ],
    ["not beyond their lifetime and owner", { beyondLifetime: false, owner: "acme" }, "keys_of_owner", "owner=?"],
    ["pepper and status", { pepper: "a", status: "active" }, "keys_with_pepper", "pepper=?"],
    ["pepper and name", { pepper: "a", search: "x" }, "keys_with_pepper", "pepper=?"],
    ["status and environment", { status: "revoked", environment: "test" }, "keys_with_status", "status=?"],
    ["environment and name", { environment: "test", search: "x" }, "keys_in_environment", "environment=?"],
  ])("keys by %s: every page walks one index, in its order", async (_name, filter, index, found) => {
    const asked = { ...page, filter: { ...ANY, ...filter } };
    expect(await planOf((db) => listKeys(db, asked))).toEqual([`SEARCH keys USING INDEX ${index} (${found})`]);
    expect(await planOf((db) => listKeys(db, { ...asked, after }))).toEqual([
      `SEARCH keys USING INDEX ${index} (${found} AND ${BEHIND})`,
    ]);
  });

  it.each<[string, Partial<KeyFilter>]>([
    ["alone", {}],
    ["of an owner", { owner: "acme" }],
    ["and all else", { owner: "acme", environment: "live", pepper: "a", status: "active", search: "x" }],
  ])("keys beyond their lifetime, %s: every page walks an index of such keys and no others", async (_name, filter) => {
    const asked = { ...page, filter: { ...ANY, ...filter, beyondLifetime: true } };
    expect(await planOf((db) => listKeys(db, asked))).toEqual(["SCAN keys USING INDEX keys_beyond_lifetime"]);
    expect(await planOf((db) => listKeys(db, { ...asked, after }))).toEqual([
      `SEARCH keys USING INDEX keys_beyond_lifetime (${BEHIND})`,
    ]);
  });

  it("keys not beyond their lifetime, which are nearly all: the newest first", async () => {
    expect(await planOf((db) => listKeys(db, { ...page, filter: { ...ANY, beyondLifetime: false } }))).toEqual([
      "SCAN keys USING INDEX keys_newest",
    ]);
  });

  it("keys by id: one row", async () => {
    const [found] = await planOf((db) => listKeys(db, { ...page, filter: { ...ANY, search: idOf(1) } }));
    expect(found).toBe("SEARCH keys USING INDEX sqlite_autoindex_keys_1 (id=?)");
  });

  it("keys by name alone: those with that name, sorted", async () => {
    // The one list that is sorted: names come in the order of names. It sorts as many as begin like that.
    expect(await planOf((db) => listKeys(db, { ...page, filter: { ...ANY, search: "x" } }))).toEqual([
      "SEARCH keys USING INDEX keys_named (name_folded>? AND name_folded<?)",
      "USE TEMP B-TREE FOR ORDER BY",
    ]);
  });

  const EVENTS = { filter: { owner: null, type: null, from: null, to: null }, after: null, limit: 50 };
  it.each<[string, Partial<EventFilter>, EventPlace | null, string]>([
    ["all", {}, null, "SCAN events USING INDEX events_newest"],
    ["owner", { owner: "acme" }, null, "SEARCH events USING INDEX events_of_owner (owner=?)"],
    ["type", { type: "key.rotated" }, null, "SEARCH events USING INDEX events_of_type (type=?)"],
    [
      "owner and type",
      { owner: "acme", type: "key.rotated" },
      null,
      "SEARCH events USING INDEX events_of_owner (owner=?)",
    ],
    ["time", { from: 1, to: 2 }, null, "SEARCH events USING INDEX events_newest (at_ms>? AND at_ms<?)"],
    [
      "owner and time",
      { owner: "acme", from: 1, to: 2 },
      null,
      "SEARCH events USING INDEX events_of_owner (owner=? AND at_ms>? AND at_ms<?)",
    ],
    [
      "type and time",
      { type: "key.rotated", from: 1 },
      null,
      "SEARCH events USING INDEX events_of_type (type=? AND at_ms>?)",
    ],
    [
      "owner, a later page",
      { owner: "acme" },
      { at: 5, keyId: idOf(1), sequence: 2 },
      "SEARCH events USING INDEX events_of_owner (owner=? AND (at_ms,key_id,sequence)<(?,?,?))",
    ],
    [
      "time, a later page",
      { from: 1, to: 9 },
      { at: 5, keyId: idOf(1), sequence: 2 },
      "SEARCH events USING INDEX events_newest (at_ms>? AND (at_ms,key_id,sequence)<(?,?,?))",
    ],
    [
      "owner and time, a later page",
      { owner: "acme", to: 9 },
      { at: 5, keyId: idOf(1), sequence: 2 },
      "SEARCH events USING INDEX events_of_owner (owner=? AND (at_ms,key_id,sequence)<(?,?,?))",
    ],
  ])("events by %s: every page walks one index, in its order", async (_name, filter, behind, plan) => {
    const asked = { ...EVENTS, filter: { ...EVENTS.filter, ...filter }, after: behind };
    expect(await planOf((db) => listEvents(db, asked))).toEqual([plan]);
  });

  it("owners: two indexes from where the page begins, and the keys of each owner on it", async () => {
    const plan = await planOf((db) => listOwners(db, { after: "a", only: null, limit: 50 }));
    expect(plan.filter((step) => step.includes("SCAN keys") || step.includes("SCAN owners"))).toEqual([]);
  });

  it("peppers: one lookup for each pepper", async () => {
    const plan = await planOf((db) => peppersInUse(db, t(0), 1_000));
    expect(plan.filter((step) => /\bkeys\b/.test(step) && !step.includes("INDEX keys_alive"))).toEqual([]);
    expect(plan.filter((step) => step.startsWith("SCAN keys"))).toEqual([]);
  });
});

describe("what happened to all keys", () => {
  const events = (filter: Partial<EventFilter> = {}, after: EventPlace | null = null, limit = 200) =>
    listEvents(env.DB, { filter: { owner: null, type: null, from: null, to: null, ...filter }, after, limit });
  const told = async (...asked: Parameters<typeof events>) =>
    (await events(...asked)).map(({ keyId, sequence }) => `${Number(keyId.slice(-4))}.${sequence}`);

  /** Two keys of acme and one of nobody, all changed in the same milliseconds. */
  beforeEach(async () => {
    for (const [number, owner] of [
      ["1", "acme"],
      ["2", null],
      ["3", "acme"],
    ] as const) {
      const record: KeyRecord = aRecord({ id: idOf(Number(number)), owner }, { revision: 3 });
      await deliver(env.DB, {
        record,
        events: [anEvent(1, "key.created"), anEvent(2, "key.rotated"), anEvent(3, "key.revoked", { at: t(2) })],
      });
    }
  });

  it("is told newest first, and of the same millisecond in one order", async () => {
    expect(await told()).toEqual(["3.3", "3.2", "2.3", "2.2", "1.3", "1.2", "3.1", "2.1", "1.1"]);
  });

  it("can be told of one owner, of one type, and of a span with its beginning and without its end", async () => {
    expect(await told({ owner: "acme" })).toEqual(["3.3", "3.2", "1.3", "1.2", "3.1", "1.1"]);
    expect(await told({ type: "key.rotated" })).toEqual(["3.2", "2.2", "1.2"]);
    expect(await told({ owner: "acme", type: "key.created" })).toEqual(["3.1", "1.1"]);
    expect(await told({ from: t(2) })).toHaveLength(6);
    expect(await told({ to: t(2) })).toEqual(["3.1", "2.1", "1.1"]);
    expect(await told({ from: t(1), to: t(2) })).toEqual(["3.1", "2.1", "1.1"]);
  });

  it.each([1, 2, 4, 9])("in pages of %i has every event once", async (limit) => {
    const seen: string[] = [];
    let after: EventPlace | null = null;
    for (let pages = 0; pages < 12; pages++) {
      const found = await events({}, after, limit);
      seen.push(...found.map(({ keyId, sequence }) => `${Number(keyId.slice(-4))}.${sequence}`));
      const last = found.at(-1);
      if (last === undefined) break;
      after = { at: last.at, keyId: last.keyId, sequence: last.sequence };
    }
    expect(seen).toEqual(await told());
  });

  it("keeps of a purged key that it was, and neither owner nor anything else", async () => {
    await deliver(env.DB, { purged: idOf(1), events: [anEvent(4, "key.purged")] });
    expect(await told({ owner: "acme" })).toEqual(["3.3", "3.2", "3.1"]);
    expect(await told({ type: "key.purged" })).toEqual(["1.4"]);
    expect((await events({ type: "key.purged" }))[0]).toMatchObject({ owner: null });
  });

  it("knows every type there is", async () => {
    for (const type of EVENT_TYPES) expect(await told({ type })).toBeInstanceOf(Array);
  });
});

describe("owners", () => {
  it("are those that have keys and those about which something was decided, by name, each once", async () => {
    await bring([{ owner: "acme" }], [{ owner: "acme" }, { revokedAt: t(1) }], [{ owner: "Zeta" }], [{}]);
    await recordOwner(env.DB, "acme", { standing: "suspended", revision: 1 });
    await recordOwner(env.DB, "ghost", { standing: "revoked", revision: 1 });
    const all = [
      { owner: "Zeta", standing: "active", keys: 1 },
      { owner: "acme", standing: "suspended", keys: 2 },
      { owner: "ghost", standing: "revoked", keys: 0 },
    ];
    const owners = (after: string | null, limit: number) => listOwners(env.DB, { after, only: null, limit });
    expect(await owners(null, 50)).toEqual(all);
    expect(await owners(null, 1)).toEqual(all.slice(0, 1));
    expect(await owners("Zeta", 1)).toEqual(all.slice(1, 2));
    expect(await owners("acme", 50)).toEqual(all.slice(2));
    expect(await listOwners(env.DB, { after: null, only: "acme", limit: 50 })).toEqual(all.slice(1, 2));
    expect(await listOwners(env.DB, { after: "acme", only: "acme", limit: 50 })).toEqual([]);
  });

  it("are as their objects decided last, however late that is heard", async () => {
    await recordOwner(env.DB, "acme", { standing: "active", revision: 2 });
    await recordOwner(env.DB, "acme", { standing: "suspended", revision: 1 });
    expect(await listOwners(env.DB, { after: null, only: null, limit: 5 })).toMatchObject([{ standing: "active" }]);
  });
});

describe("the peppers that keys depend on", () => {
  it("are those of keys that may still be used", async () => {
    await bring(
      [{}, aPepper("a")],
      [{}, aPepper("b")],
      [{}, aPepper("b")],
      [{}, { ...aPepper("c"), revokedAt: t(1) }],
      [{}, { ...aPepper("d"), suspendedAt: t(1) }],
      [{ expiresAt: t(10) }, aPepper("e")],
    );
    expect(await peppersInUse(env.DB, t(9), 1_000)).toEqual(["a", "b", "d", "e"]);
    expect(await peppersInUse(env.DB, t(10), 1_000)).toEqual(["a", "b", "d"]);
  });

  it("are none where there are no keys", async () => {
    expect(await peppersInUse(env.DB, t(0), 1_000)).toEqual([]);
  });
});

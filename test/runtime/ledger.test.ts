import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { Status } from "../../src/key/key.ts";
import { deliver } from "../support/tell-ledger.ts";
import { readEvents } from "../../src/ledger/events.ts";
import { listKeys, type KeyFilter, type KeyPlace } from "../../src/ledger/keys.ts";
import { fromLedger, LedgerUnavailable } from "../../src/ledger/unavailable.ts";
import { aQuota, t } from "../support/a-key.ts";
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
const list = (filter: Partial<KeyFilter> = {}, after: KeyPlace | null = null, limit = 200, now = t(0)) =>
  listKeys(env.DB, { filter: { ...ANY, ...filter }, after, limit, now });
const history = (number = 1, before = 1_000_000, limit = 1_000) => readEvents(env.DB, idOf(number), { before, limit });
const sequences = async (...page: Parameters<typeof history>) =>
  (await history(...page)).map((event) => event.sequence);

const numbers = async (...page: Parameters<typeof list>) => (await list(...page)).map(({ id }) => Number(id.slice(4)));

/** Keys whose history lacks an event. */
const gaps = () => env.DB.prepare("SELECT key_id FROM events GROUP BY key_id HAVING count(*) <> max(sequence)").all();

beforeEach(async () => {
  await env.DB.batch([env.DB.prepare("DELETE FROM keys"), env.DB.prepare("DELETE FROM events")]);
});

describe("a delivery", () => {
  it("brings the record and the events, whole", async () => {
    const by = { actor: "admin", requestId: "req_x", ip: "2001:db8::1", userAgent: "curl/8 'x'", country: "DE" };
    const created = anEvent(1, "key.created", {
      by,
      detail: { version: 1, note: "ü\"'", nested: { list: [1, null, true] } },
    });
    const rotated = anEvent(2, "key.rotated", { detail: { version: 2, retiredValidUntil: t(5) } });
    const record = aRecord(
      { id: idOf(1), owner: "acme", metadata: { plan: "pro", deep: [{}] } },
      { version: 2, revision: 2 },
    );
    await deliver(env.DB, { record, events: [created, rotated] });

    const { allowance: _allowance, lastUsedAt: _lastUsedAt, beyondLifetime: _column, ...listed } = record;
    expect(await list()).toEqual([listed]);
    expect(await history()).toEqual([rotated, created]);
  });

  it("counts once, however often it comes", async () => {
    const delivery = { record: aRecord({ id: idOf(1) }), events: [anEvent(1, "key.created")] };
    for (let time = 0; time < 3; time++) await deliver(env.DB, delivery);
    expect(await sequences()).toEqual([1]);
    expect(await list()).toHaveLength(1);
  });

  it("that overlaps an earlier one adds what is new and leaves what is there", async () => {
    const record = aRecord({ id: idOf(1) }, { revision: 2 });
    await deliver(env.DB, { record, events: [anEvent(1, "key.created"), anEvent(2)] });
    const rewritten = anEvent(2, "key.revoked", { detail: { forged: true } });
    await deliver(env.DB, { record, events: [rewritten, anEvent(3)] });
    expect(await history()).toEqual([anEvent(3), anEvent(2), anEvent(1, "key.created")]);
  });

  it("never puts an older record in the place of a newer one, and still brings its events", async () => {
    const revoked = aRecord({ id: idOf(1) }, { version: 2, revision: 3, revokedAt: t(3) }, t(3));
    await deliver(env.DB, { record: revoked, events: [anEvent(3, "key.revoked")] });
    const before = aRecord({ id: idOf(1) }, { version: 2, revision: 2 });
    await deliver(env.DB, { record: before, events: [anEvent(1, "key.created"), anEvent(2)] });
    expect(await list()).toMatchObject([{ status: "revoked", revision: 3, revokedAt: t(3) }]);
    expect(await sequences()).toEqual([3, 2, 1]);
  });

  it("of the same revision again changes nothing", async () => {
    await deliver(env.DB, { record: aRecord({ id: idOf(1), name: "first" }), events: [] });
    await deliver(env.DB, { record: aRecord({ id: idOf(1), name: "second" }), events: [] });
    expect(await list()).toMatchObject([{ name: "first" }]);
  });

  it("replaces every column when it is newer", async () => {
    await deliver(env.DB, { record: aRecord({ id: idOf(1), name: "old" }), events: [] });
    const newer = aRecord(
      { id: idOf(1), name: "new", expiresAt: t(90) },
      { version: 2, revision: 2, suspendedAt: t(1), secret: { digest: "d" as never, hint: "…new1", pepper: "b" } },
    );
    await deliver(env.DB, { record: newer, events: [] });
    const row = await env.DB.prepare("SELECT * FROM keys").first();
    expect(row).toMatchObject({
      name: "new",
      status: "suspended",
      pepper: "b",
      version: 2,
      revision: 2,
      expires_at_ms: t(90),
    });
    expect(await list()).toMatchObject([{ name: "new", hint: "…new1", suspendedAt: t(1) }]);
  });

  it("leaves a gap that a query finds, and a later delivery fills", async () => {
    const record = aRecord({ id: idOf(1) }, { revision: 4 });
    await deliver(env.DB, { record, events: [anEvent(1), anEvent(4)] });
    expect((await gaps()).results).toEqual([{ key_id: idOf(1) }]);
    await deliver(env.DB, { record, events: [anEvent(2), anEvent(3)] });
    expect((await gaps()).results).toEqual([]);
  });

  it("of a thousand events is still one transaction of two statements", async () => {
    const events = Array.from({ length: 1_000 }, (_, at) =>
      anEvent(at + 1, "key.rotated", { detail: { reason: "r".repeat(256) } }),
    );
    await deliver(env.DB, { record: aRecord({ id: idOf(1) }, { revision: 1_000 }), events });
    expect(await sequences()).toEqual(events.map(({ sequence }) => sequence).toReversed());
  });

  it("of more bytes than a statement may carry is one transaction too", async () => {
    // Quotes are what grows most on the way: they are escaped twice.
    const events = Array.from({ length: 300 }, (_, at) =>
      anEvent(at + 1, "key.alerted", { detail: { alert: "x", action: "alert", reason: '"'.repeat(4_000) } }),
    );
    await deliver(env.DB, { record: aRecord({ id: idOf(1) }, { revision: 300 }), events });
    expect(await sequences()).toEqual(events.map(({ sequence }) => sequence).toReversed());
    expect((await env.DB.prepare("SELECT count(*) AS n FROM alerts").first())!["n"]).toBe(300);
  });

  it("happens whole or not at all", async () => {
    const faulty = { ...aRecord({ id: idOf(1) }), version: null as never };
    await expect(deliver(env.DB, { record: faulty, events: [anEvent(1)] })).rejects.toBeInstanceOf(LedgerUnavailable);
    expect(await sequences()).toEqual([]);
    expect(await list()).toEqual([]);
  });

  it("keeps no digest and no counter", async () => {
    const record = aRecord({ id: idOf(1), quota: aQuota(5) });
    await deliver(env.DB, { record, events: [] });
    const row = await env.DB.prepare("SELECT record FROM keys").first<{ record: string }>();
    expect(Object.keys(JSON.parse(row!.record) as object).toSorted()).toEqual(
      Object.keys(record)
        .filter((name) => !["allowance", "lastUsedAt", "status", "beyondLifetime"].includes(name))
        .toSorted(),
    );
  });
});

describe("a list", () => {
  /** Twelve keys, three of each creation instant, of two owners in turn; in every status. */
  beforeEach(async () => {
    for (let number = 1; number <= 12; number++) {
      const createdAt = t(Math.ceil(number / 3));
      const profile = {
        id: idOf(number),
        createdAt,
        owner: number % 2 === 0 ? "even" : "odd",
        expiresAt: number % 6 === 0 ? t(50) : null,
      };
      const standing = { suspendedAt: number % 6 === 1 ? t(20) : null, revokedAt: number % 6 === 2 ? t(20) : null };
      await deliver(env.DB, { record: aRecord(profile, standing), events: [] });
    }
  });

  it("is newest first, and of the same millisecond the higher id first", async () => {
    expect(await numbers()).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  it.each([1, 2, 3, 5, 12])("read in pages of %i has every key once, in one order", async (limit) => {
    const seen: number[] = [];
    let after: KeyPlace | null = null;
    for (let pages = 0; pages <= 12; pages++) {
      const page = await list({}, after, limit);
      if (page.length === 0) break;
      seen.push(...page.map(({ id }) => Number(id.slice(4))));
      after = page.at(-1)!;
    }
    expect(seen).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  it("goes on behind a key that is gone, or never was", async () => {
    expect(await numbers({}, { createdAt: t(3), id: "key_0000000000000007x" })).toEqual([7, 6, 5, 4, 3, 2, 1]);
  });

  it.each<[Status, number[]]>([
    ["suspended", [7, 1]],
    ["revoked", [8, 2]],
    ["active", [11, 10, 9, 5, 4, 3]],
    ["expired", [12, 6]],
  ])("of %s keys has those and no others", async (status, expected) => {
    expect(await numbers({ status }, null, 200, t(50))).toEqual(expected);
    expect((await list({ status }, null, 200, t(50))).map((key) => key.status)).toEqual(expected.map(() => status));
  });

  it("tells that a key expired from that very instant on, though nobody wrote it down", async () => {
    expect(await numbers({ status: "expired" }, null, 200, t(49.999))).toEqual([]);
    expect(await numbers({ status: "active" }, null, 200, t(49.999))).toEqual([12, 11, 10, 9, 6, 5, 4, 3]);
  });

  it("of one owner and status has what both say", async () => {
    expect(await numbers({ owner: "odd" })).toEqual([11, 9, 7, 5, 3, 1]);
    expect(await numbers({ owner: "odd", status: "suspended" })).toEqual([7, 1]);
    expect(await numbers({ owner: "even", status: "expired" }, { createdAt: t(4), id: idOf(12) }, 200, t(50))).toEqual([
      6,
    ]);
    expect(await numbers({ owner: "nobody" })).toEqual([]);
  });
});

describe("no question reads the whole ledger or sorts it", () => {
  const page = { limit: 50, now: t(9) };
  const after = { createdAt: t(5), id: idOf(5) };

  it.each<[string, Partial<KeyFilter>, string, string]>([
    ["all", {}, "SCAN keys USING INDEX keys_newest", "SEARCH keys USING INDEX keys_newest ((created_at_ms,id)<(?,?))"],
    [
      "one owner's",
      { owner: "acme" },
      "SEARCH keys USING INDEX keys_of_owner (owner=?)",
      "SEARCH keys USING INDEX keys_of_owner (owner=? AND (created_at_ms,id)<(?,?))",
    ],
    ...(["active", "expired", "suspended", "revoked"] as const).flatMap(
      (status): [string, Partial<KeyFilter>, string, string][] => [
        [
          `all ${status}`,
          { status },
          "SEARCH keys USING INDEX keys_with_status (status=?)",
          "SEARCH keys USING INDEX keys_with_status (status=? AND (created_at_ms,id)<(?,?))",
        ],
        [
          `one owner's ${status}`,
          { owner: "acme", status },
          "SEARCH keys USING INDEX keys_of_owner (owner=?)",
          "SEARCH keys USING INDEX keys_of_owner (owner=? AND (created_at_ms,id)<(?,?))",
        ],
      ],
    ),
  ])("%s keys: the first page and the later ones walk one index", async (_name, filter, first, later) => {
    const asked = { ...page, filter: { ...ANY, ...filter } };
    expect(await planOf((db) => listKeys(db, { ...asked, after: null }))).toEqual([first]);
    expect(await planOf((db) => listKeys(db, { ...asked, after }))).toEqual([later]);
  });

  it("the events of a key", async () => {
    expect(await planOf((db) => readEvents(db, idOf(1), { before: 9, limit: 5 }))).toEqual([
      "SEARCH events USING PRIMARY KEY (key_id=? AND sequence<?)",
    ]);
  });
});

describe("a ledger that does not answer", () => {
  it("is one error, whatever went wrong", async () => {
    await expect(fromLedger(Promise.reject(new Error("D1_ERROR: gone")))).rejects.toThrow(LedgerUnavailable);
    await expect(fromLedger(Promise.reject(new TypeError("x")))).rejects.toThrow("the ledger failed: TypeError: x");
  });

  it("is waited for no longer than is said", async () => {
    const silent = new Promise<never>(() => {});
    await expect(fromLedger(silent, 20)).rejects.toThrow("the ledger kept silent for 20 ms");
  });
});

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { judge } from "../../src/control/faults.ts";
import { pageOf } from "../../src/control/page.ts";
import { client, usage, type UsageJson } from "../../src/control/schema/usage.ts";
import { epochMs } from "../../src/key/time.ts";
import { readUsage } from "../../src/ledger/usage.ts";
import { control, issue, keyPath, told, type Issued } from "../support/control.ts";
import { stubOf } from "../support/open-key.ts";
import { planOf } from "../support/query-plan.ts";
import { ringTally } from "../support/tally-timer.ts";

type Page<Item> = { readonly items: Item[]; readonly nextCursor: string | null; readonly asOf: string };

const HOUR = 3600 * 1000;
let start: number;

beforeEach(async () => {
  await env.DB.exec("DELETE FROM usage");
  vi.useFakeTimers({ toFake: ["Date"] });
  start = Math.ceil(Date.now() / (24 * HOUR)) * 24 * HOUR + 1000 * HOUR;
  start -= start % (24 * HOUR);
  vi.setSystemTime(start);
});

afterEach(() => vi.useRealTimers());

const verify = (issued: Issued, question: object = {}) =>
  told<{ code: string }>(control("POST", "/_rekey/v1/verify", { body: { key: issued.key, ...question } }));

const flush = (issued: Issued) => runInDurableObject(stubOf(issued.record.id as never), () => ringTally());

const usageOf = (issued: Issued, query = "") =>
  told<Page<UsageJson>>(control("GET", `${keyPath(issued, "/usage")}${query}`));

/** Three hours of one day and one of the next, each with as many admissions as its number in the day, and a refusal. */
async function use(issued: Issued): Promise<void> {
  for (const hour of [1, 2, 3, 25]) {
    vi.setSystemTime(start + hour * HOUR);
    for (let n = 0; n < hour % 24; n++) await verify(issued, { cost: 2, ip: "203.0.113.7" });
    expect(await verify(issued, { scopes: ["none:such"] })).toMatchObject({ code: "insufficient-scope" });
    await flush(issued);
    await expect.poll(async () => (await usageOf(issued)).items.at(-1)?.refused).toEqual({ "insufficient-scope": 1 });
  }
}

describe("the usage of a key", () => {
  it("is told by the hour and by the day, page by page", async () => {
    const issued = await issue();
    await use(issued);
    const hours = await usageOf(issued, `?from=${new Date(start).toISOString()}`);
    expect(judge(pageOf(usage), hours)).toMatchObject({ ok: true });
    expect(hours.items.map(({ admitted, units }) => [admitted, units])).toEqual([
      [1, 2],
      [2, 4],
      [3, 6],
      [1, 2],
    ]);
    const days = await usageOf(issued, "?by=day");
    expect(days.items).toMatchObject([
      { start: new Date(start).toISOString(), admitted: 6, units: 12, refused: { "insufficient-scope": 3 } },
      { start: new Date(start + 24 * HOUR).toISOString(), admitted: 1, units: 2 },
    ]);
    const seen: UsageJson[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const from: string =
        cursor === "" ? `?from=${new Date(start).toISOString()}&limit=1` : `?limit=1&cursor=${cursor}`;
      const page: Page<UsageJson> = await usageOf(issued, from);
      expect(page.items).toHaveLength(1);
      seen.push(...page.items);
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(hours.items);
  });

  it("is a table for whoever accepts one", async () => {
    const issued = await issue();
    await use(issued);
    const response = await control("GET", `${keyPath(issued, "/usage")}?by=day`, { headers: { accept: "text/csv" } });
    expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
    expect((await response.text()).split("\r\n").map((line) => line.split(",").slice(1, 4))).toEqual([
      ["admitted", "units", "insufficient-scope"],
      ["6", "12", "3"],
      ["1", "2", "1"],
      [],
    ]);
  });

  it("is a table for nobody who did not ask for one by name", async () => {
    const issued = await issue();
    const typeFor = async (accept: string) =>
      (await control("GET", keyPath(issued, "/usage"), { headers: { accept } })).headers.get("content-type");
    for (const accept of ["text/csv;q=0", "text/csv; Q=0.000", "application/json, text/csv ;q=0", "*/*", "text/csvx"]) {
      expect([accept, await typeFor(accept)]).toEqual([accept, "application/json"]);
    }
    for (const accept of ["TEXT/CSV", "text/csv;q=0.1", "text/csv;header=present", "application/json;q=0, text/csv"]) {
      expect([accept, await typeFor(accept)]).toEqual([accept, "text/csv; charset=utf-8; header=present"]);
    }
  });

  it("is a whole table or none: one that would be cut short is refused", async () => {
    const issued = await issue();
    const insert = (hours: number) =>
      env.DB.prepare(
        `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?3 - 1)
         INSERT OR REPLACE INTO usage SELECT ?1, ?2 + i * 3600000, NULL, 1, 1, 1, '{}', '{}', NULL FROM n`,
      )
        .bind(issued.record.id, start - 20_000 * HOUR, hours)
        .run();
    const table = () =>
      control("GET", `${keyPath(issued, "/usage")}?from=2020-01-01T00:00:00Z`, { headers: { accept: "text/csv" } });
    await insert(10_000);
    expect((await (await table()).text()).split("\r\n").length).toBe(1 + 10_000 + 1);
    await insert(10_001);
    expect(await told(table(), 400)).toMatchObject({
      code: "invalid-request",
      errors: [{ path: "from", message: "begins too early: a table has at most 10000 rows" }],
    });
    expect((await usageOf(issued, "?from=2020-01-01T00:00:00Z&limit=1")).items.length).toBe(1);
  });

  it("does not exist for those who do not see the key", async () => {
    const issued = await issue({ owner: "acme" });
    const stranger = await issue({ owner: "globex", scopes: ["rekey:audit:read"] });
    const authorization = `Bearer ${stranger.key}`;
    for (const path of ["/usage", "/clients"]) {
      expect(await told(control("GET", keyPath(issued, path), { authorization }), 404)).toMatchObject({
        code: "not-found",
      });
    }
  });
});

describe("the usage of many keys", () => {
  it("is the sum of theirs: of all, or of one owner's", async () => {
    const [one, two, other] = [
      await issue({ owner: "acme" }),
      await issue({ owner: "acme" }),
      await issue({ owner: "b" }),
    ];
    for (const issued of [one, two, other]) {
      await verify(issued);
      await flush(issued);
      await expect.poll(async () => (await usageOf(issued)).items.length).toBe(1);
    }
    const totals = async (query: string) =>
      (await told<Page<UsageJson>>(control("GET", `/_rekey/v1/usage${query}`))).items.map(({ admitted }) => admitted);
    expect(await totals("")).toEqual([3]);
    expect(await totals("?owner=acme")).toEqual([2]);
    expect(await totals("?owner=nobody")).toEqual([]);
    const ofAcme = await issue({ owner: "acme", scopes: ["rekey:audit:read"] });
    const asAcme = async (query: string) => {
      const answer = control("GET", `/_rekey/v1/usage${query}`, { authorization: `Bearer ${ofAcme.key}` });
      return (await told<Page<UsageJson>>(answer)).items.map(({ admitted }) => admitted);
    };
    expect(await asAcme("")).toEqual([2]);
    expect(await asAcme("?owner=b")).toEqual([]);
    const table = await control("GET", "/_rekey/v1/usage?owner=b", {
      authorization: `Bearer ${ofAcme.key}`,
      headers: { accept: "text/csv" },
    });
    expect(await table.text()).toBe("start,admitted,units,lastUsedAt\r\n");
  });

  it.each([
    [
      "a key",
      { keyId: "key_0000000000000000", owner: null },
      /usage USING PRIMARY KEY \(key_id=\? AND start_ms>\? AND start_ms<\?\)/,
    ],
    [
      "an owner",
      { keyId: null, owner: "acme" },
      /usage USING INDEX usage_of_owner \(owner=\? AND start_ms>\? AND start_ms<\?\)/,
    ],
    ["the deployment", { keyId: null, owner: null }, /usage USING INDEX usage_by_hour \(start_ms>\? AND start_ms<\?\)/],
  ])("of %s is found by an index", async (_name, whose, index) => {
    const page = { ...whose, by: "hour" as const, from: epochMs(0), to: epochMs(1), limit: 10 };
    const plan = await planOf((db) => readUsage(db, page as never));
    expect(plan.join("\n")).toMatch(index);
    expect(plan.join("\n")).not.toMatch(/SCAN usage\b/);
  });
});

describe("the clients of a key", () => {
  it("are told from the key itself, also while the ledger is down", async () => {
    const issued = await issue();
    await verify(issued, { ip: "203.0.113.7" });
    const down = { DB: {} as D1Database };
    const page = await told<Page<object>>(control("GET", keyPath(issued, "/clients"), { env: down }));
    expect(judge(pageOf(client), page)).toMatchObject({ ok: true });
    const seen = new Date(start).toISOString();
    expect(page.items).toEqual([{ ip: "203.0.113.7", country: null, firstSeenAt: seen, lastSeenAt: seen, count: 1 }]);
  });
});

describe("a decision", () => {
  const logged: Record<string, unknown>[] = [];
  const lines = () => logged.filter((line) => line["message"] === "decision");
  const { log } = console;

  beforeEach(() => {
    logged.length = 0;
    console.log = (line: Record<string, unknown>) => logged.push(line);
  });
  afterEach(() => {
    console.log = log;
  });

  it("is one line in the log: all of it, and never the credential", async () => {
    const issued = await issue({ owner: "acme", quota: { limit: 1, period: "day" } });
    const config = { logAdmitted: 1 };
    const ask = () =>
      control("POST", "/_rekey/v1/verify", {
        config,
        body: { key: issued.key, ip: "203.0.113.7", request: { method: "GET", path: "/a" } },
      });
    const [first, second] = [await told<{ decision: string; requestId: string }>(ask()), await told(ask())];
    expect(lines()).toMatchObject([
      {
        keyId: issued.record.id,
        owner: "acme",
        outcome: "valid",
        method: "GET",
        route: null,
        country: null,
        cost: 1,
        decision: first.decision,
        requestId: first.requestId,
        ip: "203.0.113.7",
        dryRun: false,
      },
      { outcome: "quota-exceeded", decision: (second as typeof first).decision },
    ]);
    expect(lines()[0]!["durationMs"]).toEqual(expect.any(Number));
    expect(JSON.stringify(logged)).not.toContain(issued.key);
  });

  it("that admits is logged as often as the setting says, one that refuses always", async () => {
    const issued = await issue({ quota: { limit: 20, period: "day" } });
    const config = { logAdmitted: 0 };
    const body = { key: issued.key };
    for (let n = 0; n < 25; n++) await told(control("POST", "/_rekey/v1/verify", { config, body }));
    expect(lines().map(({ outcome }) => outcome)).toEqual(Array(5).fill("quota-exceeded"));
  });

  it("of the Worker alone is none: junk leaves no line", async () => {
    await told(control("POST", "/_rekey/v1/verify", { body: { key: "junk" } }));
    expect(lines()).toEqual([]);
  });

  it("is a data point too where there is a place for them", async () => {
    const issued = await issue({ owner: "acme" });
    const points: unknown[] = [];
    const ANALYTICS = { writeDataPoint: (point: unknown) => points.push(point) } as unknown as AnalyticsEngineDataset;
    await told(control("POST", "/_rekey/v1/verify", { env: { ANALYTICS }, body: { key: issued.key } }));
    expect(points).toEqual([
      {
        indexes: [issued.record.id],
        blobs: ["valid", "acme", null, null, null],
        doubles: [1, expect.any(Number)],
      },
    ]);
  });
});

import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { forgetReads } from "../../src/chores/forget-reads.ts";
import { ROUTES } from "../../src/control/routes.ts";
import { requireConfig, type Env } from "../../src/env.ts";
import { epochMs } from "../../src/key/time.ts";
import { control, issue, keyPath, told, type Issued } from "../support/control.ts";

type Row = { minute_ms: number; actor: string; operation: string; reads: number; key_id: string | null };
const rows = async (): Promise<Row[]> =>
  (await env.DB.prepare("SELECT * FROM reads ORDER BY minute_ms, actor, operation").all<Row>()).results;
/** How often somebody has read by an operation, over all minutes. */
const readsOf = async (actor: string, operation: string): Promise<number> =>
  (await rows())
    .filter((row) => row.actor === actor && row.operation === operation)
    .reduce((sum, row) => sum + row.reads, 0);

/** Reads of a second are told together; a slow machine takes longer. */
const SOON = { timeout: 30_000 };

beforeEach(async () => {
  await env.DB.prepare("DELETE FROM reads").run();
});

describe("who has read", () => {
  it("is noted by actor and operation, added up, of operators and control keys alike", async () => {
    const issued = await issue();
    const reader = await issue({ scopes: ["rekey:*"] });
    const by = { authorization: `Bearer ${reader.key}` };
    for (let count = 0; count < 3; count++) await told(control("GET", "/_rekey/v1/keys"));
    await told(control("GET", "/_rekey/v1/events", by));
    await told(control("GET", keyPath(issued, "/clients"), by));
    await expect.poll(() => readsOf("admin", "listKeys"), SOON).toBe(3);
    await expect.poll(() => readsOf(reader.record.id, "listEvents"), SOON).toBe(1);
    await expect.poll(() => readsOf(reader.record.id, "listKeyClients"), SOON).toBe(1);
    expect((await rows()).find(({ operation }) => operation === "listKeyClients")).toMatchObject({
      key_id: issued.record.id,
    });
  });

  it("is one row for a minute, however often it is asked", async () => {
    await Promise.all(Array.from({ length: 200 }, () => told(control("GET", "/_rekey/v1/keys"))));
    await expect.poll(() => readsOf("admin", "listKeys"), SOON).toBe(200);
    const noted = await rows();
    // The minute may have turned in between.
    expect(noted.length).toBeLessThanOrEqual(2);
  });

  // A webhook that nobody has made is 404, and has shown nothing.
  const READS = ROUTES.filter(
    ({ method, scope, path }) =>
      method === "GET" && scope !== null && scope !== "self" && !path.includes("webhooks/{id}"),
  );
  it.each(READS.map((route) => [route.operationId, route.path] as const))("is noted of %s", async (operation, path) => {
    const issued: Issued = await issue({ owner: "acme" });
    const response = await control("GET", path.replace("{id}", issued.record.id).replace("{owner}", "acme"));
    expect(response.status).toBe(200);
    await expect.poll(() => readsOf("admin", operation), SOON).toBe(1);
  });

  it("is not noted of what was refused, of changes, nor of verdicts", async () => {
    const { key } = await issue();
    expect((await control("GET", "/_rekey/v1/keys", { authorization: `Bearer ${key}` })).status).toBe(403);
    await told(control("POST", "/_rekey/v1/verify", { body: { key } }));
    await told(control("GET", "/_rekey/v1/alerts"));
    await expect.poll(() => readsOf("admin", "listAlerts"), SOON).toBe(1);
    expect((await rows()).map(({ operation }) => operation)).toEqual(["listAlerts"]);
  });

  it("keeps nobody from reading while the ledger does not take it: then it stands in the log", async () => {
    const issued = await issue();
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    const broken = { prepare: () => ({ bind: () => ({}) }), batch: () => Promise.reject(new Error("down")) };
    const call = { env: { DB: broken as unknown as D1Database } satisfies Partial<Env> };
    expect((await control("GET", keyPath(issued), call)).status).toBe(200);
    await expect
      .poll(() => JSON.stringify(said.mock.calls), SOON)
      .toMatch(/could not be told who has read.*"actor":"admin","operation":"getKey","count":1/);
    said.mockRestore();
  });

  it("is forgotten by age, like what alerts say of people", async () => {
    const now = epochMs(Date.now());
    await told(control("GET", "/_rekey/v1/keys"));
    await expect.poll(() => readsOf("admin", "listKeys"), SOON).toBe(1);
    const config = { ...requireConfig(env), sightingsRetentionDays: 90 };
    await forgetReads(env, config, epochMs(now + 89 * 86_400_000));
    expect(await rows()).toHaveLength(1);
    await forgetReads(env, config, epochMs(now + 91 * 86_400_000));
    expect(await rows()).toEqual([]);
  });
});

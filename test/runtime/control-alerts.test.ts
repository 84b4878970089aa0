import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { judge } from "../../src/control/faults.ts";
import { pageOf } from "../../src/control/page.ts";
import { alert as alertSchema } from "../../src/control/schema/alert.ts";
import { listAlerts, type AlertFilter } from "../../src/ledger/alerts.ts";
import type { EventPlace } from "../../src/ledger/events.ts";
import { deliver } from "../support/tell-ledger.ts";
import { t } from "../support/a-key.ts";
import { anEvent, aRecord, idOf } from "../support/a-record.ts";
import { control, issue, keyPath, told, verify } from "../support/control.ts";
import { planOf } from "../support/query-plan.ts";

type Alert = { readonly id: string; readonly keyId: string; readonly alert: string; readonly acknowledged: unknown };
type Page = { readonly items: readonly Alert[]; readonly nextCursor: string | null };

const alerts = (query = "") => told<Page>(control("GET", `/_rekey/v1/alerts${query}`));
const idsOf = async (query = "") => (await alerts(query)).items.map(({ id }) => id.replace(/^alert_0*/, ""));
const acknowledge = (id: string, body: object = {}, call: object = {}) =>
  control("POST", `/_rekey/v1/alerts/${id}/acknowledge`, { body, ...call });

beforeEach(async () => {
  await env.DB.batch(["keys", "events", "alerts"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

const anAlert = (sequence: number, alert: string, at = t(sequence)) =>
  anEvent(sequence, "key.alerted", { at, detail: { alert, action: "alert", version: 1 } });

/** Two keys of acme and one of nobody, each with alerts of the same instants. */
const bringAll = async () => {
  for (const [number, owner] of [
    [1, "acme"],
    [2, null],
    [3, "acme"],
  ] as const) {
    const record = aRecord({ id: idOf(number), owner });
    const events = [anEvent(1, "key.created"), anAlert(2, "unknown-secret"), anAlert(3, "refusal-burst", t(2))];
    await deliver(env.DB, { record, events });
  }
};

describe("an alert", () => {
  it("is listed once the key has told the ledger, as its event says it", async () => {
    const issued = await issue({ owner: "acme" });
    await told(control("POST", keyPath(issued, "/rotate")));
    await verify(issued.key, { ip: "203.0.113.7" });
    // Any change brings what the verification has left for the alarm.
    await told(control("POST", keyPath(issued, "/suspend")));
    const page = await alerts();
    expect(judge(pageOf(alertSchema), page)).toMatchObject({ ok: true });
    expect(page.items).toMatchObject([
      {
        id: `alert_${issued.record.id.slice(4)}_3`,
        keyId: issued.record.id,
        owner: "acme",
        sequence: 3,
        alert: "retired-secret-used",
        action: "alert",
        ip: "203.0.113.7",
        evidence: { version: 1, secondsSinceEnd: 0 },
        acknowledged: null,
      },
    ]);
    expect(page.items[0]).not.toHaveProperty("evidence.alert");
  });

  it("is one, however often it is delivered, and keeps what people said of it", async () => {
    await bringAll();
    const id = `alert_${idOf(1).slice(4)}_2`;
    await told(acknowledge(id, { note: "a laptop" }));
    await bringAll();
    expect(await idsOf()).toHaveLength(6);
    expect(await idsOf("?acknowledged=true")).toEqual(["1_2"]);
  });

  it("goes with its key, and a delivery that comes late brings none back", async () => {
    await bringAll();
    await deliver(env.DB, { purged: idOf(1), events: [anEvent(4, "key.purged")] });
    await deliver(env.DB, { record: aRecord({ id: idOf(1), owner: "acme" }), events: [anAlert(2, "unknown-secret")] });
    expect(await idsOf()).toEqual(["3_3", "3_2", "2_3", "2_2"]);
  });
});

describe("alerts", () => {
  beforeEach(bringAll);

  it("are found newest first, by owner, key, kind, span and whether somebody has looked into them", async () => {
    await told(acknowledge(`alert_${idOf(3).slice(4)}_3`));
    expect(await idsOf()).toEqual(["3_3", "3_2", "2_3", "2_2", "1_3", "1_2"]);
    expect(await idsOf("?owner=acme")).toEqual(["3_3", "3_2", "1_3", "1_2"]);
    expect(await idsOf("?owner=globex")).toEqual([]);
    expect(await idsOf(`?keyId=${idOf(2)}`)).toEqual(["2_3", "2_2"]);
    expect(await idsOf("?alert=unknown-secret")).toEqual(["3_2", "2_2", "1_2"]);
    expect(await idsOf("?acknowledged=true")).toEqual(["3_3"]);
    expect(await idsOf("?acknowledged=false&owner=acme&alert=refusal-burst")).toEqual(["1_3"]);
    expect(await idsOf("?from=2026-01-01T00:00:02Z&to=2026-01-01T00:00:02.001Z")).toHaveLength(6);
    expect(await idsOf("?to=2026-01-01T00:00:02Z")).toEqual([]);
  });

  it.each([1, 2, 4, 6])("come in pages of %i that meet", async (limit) => {
    const seen: string[] = [];
    for (let query = `?limit=${limit}`, pages = 0; query !== "" && pages < 10; pages++) {
      const { items, nextCursor } = await alerts(query);
      seen.push(...items.map(({ id }) => id.replace(/^alert_0*/, "")));
      query = nextCursor === null ? "" : `?limit=${limit}&cursor=${encodeURIComponent(nextCursor)}`;
    }
    expect(seen).toEqual(["3_3", "3_2", "2_3", "2_2", "1_3", "1_2"]);
  });

  it.each(["?alert=boredom", "?keyId=x", "?acknowledged=1", "?from=yesterday", "?owner=a%20b", "?cursor=x"])(
    "cannot be asked for with %s",
    async (query) => {
      const { errors } = await told<{ errors: { path: string }[] }>(control("GET", `/_rekey/v1/alerts${query}`), 400);
      expect(errors.map(({ path }) => path)).toEqual([/\w+/.exec(query)![0]]);
    },
  );

  it("that are acknowledged say who, when and why; who says it first stays", async () => {
    const id = `alert_${idOf(1).slice(4)}_2`;
    const { key, record } = await issue({ scopes: ["rekey:keys:revoke"] });
    const first = await told<Alert>(acknowledge(id, { note: `found ${key}` }, { authorization: `Bearer ${key}` }));
    expect(first.acknowledged).toEqual({
      at: expect.stringMatching(/Z$/) as string,
      by: record.id,
      note: `found [redacted …${key.slice(-4)}]`,
    });
    expect(await told(acknowledge(id, { note: "another" }))).toEqual(first);
  });

  it("of another's owner are not there to be acknowledged", async () => {
    const { key } = await issue({ owner: "globex", scopes: ["rekey:keys:revoke"] });
    const call = { authorization: `Bearer ${key}` };
    expect(await told(acknowledge(`alert_${idOf(1).slice(4)}_2`, {}, call), 404)).toMatchObject({ code: "not-found" });
    expect(await told(acknowledge(`alert_${idOf(1).slice(4)}_9`), 404)).toMatchObject({ code: "not-found" });
    expect(await idsOf("?acknowledged=true")).toEqual([]);
  });
});

describe("every page of alerts walks one index, in its order", () => {
  const ANY: AlertFilter = { owner: null, keyId: null, alert: null, acknowledged: null, from: null, to: null };
  it.each<[string, Partial<AlertFilter>, EventPlace | null, string]>([
    ["all", {}, null, "SCAN alerts USING INDEX alerts_newest"],
    ["owner", { owner: "acme" }, null, "SEARCH alerts USING INDEX alerts_of_owner (owner=?)"],
    ["key", { keyId: idOf(1) }, null, "SEARCH alerts USING INDEX alerts_of_key (key_id=?)"],
    ["kind", { alert: "unknown-secret" }, null, "SEARCH alerts USING INDEX alerts_of_kind (alert=?)"],
    ["open", { acknowledged: false }, null, "SCAN alerts USING INDEX alerts_open"],
    ["acknowledged", { acknowledged: true }, null, "SCAN alerts USING INDEX alerts_newest"],
    ["time", { from: 1, to: 2 }, null, "SEARCH alerts USING INDEX alerts_newest (at_ms>? AND at_ms<?)"],
    [
      "key and all else",
      { keyId: idOf(1), owner: "acme", alert: "unknown-secret", acknowledged: false, from: 1, to: 2 },
      null,
      "SEARCH alerts USING INDEX alerts_of_key (key_id=? AND at_ms>? AND at_ms<?)",
    ],
    [
      "owner and kind, a later page",
      { owner: "acme", alert: "unknown-secret" },
      { at: 5, keyId: idOf(1), sequence: 2 },
      "SEARCH alerts USING INDEX alerts_of_owner (owner=? AND (at_ms,key_id,sequence)<(?,?,?))",
    ],
  ])("%s", async (_name, filter, after, plan) => {
    expect(await planOf((db) => listAlerts(db, { filter: { ...ANY, ...filter }, after, limit: 50 }))).toEqual([plan]);
  });
});

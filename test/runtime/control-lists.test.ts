import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { judge } from "../../src/control/faults.ts";
import { pageOf } from "../../src/control/page.ts";
import { eventOfKey } from "../../src/control/schema/event.ts";
import { listedOwner } from "../../src/control/schema/owner.ts";
import { control, issue, keyPath, told } from "../support/control.ts";

type Page<Item> = { readonly items: Item[]; readonly nextCursor: string | null; readonly asOf: string };
type Event = {
  readonly keyId: string;
  readonly owner: string | null;
  readonly sequence: number;
  readonly type: string;
};

const events = (query = "") => told<Page<Event>>(control("GET", `/_rekey/v1/events${query}`));
const owners = (query = "") => told<Page<{ owner: string }>>(control("GET", `/_rekey/v1/owners${query}`));

beforeEach(async () => {
  await env.DB.batch(["keys", "events", "owners"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

/** Every item of a list, read page by page. */
async function allOf<Item>(read: (query: string) => Promise<Page<Item>>, limit: number): Promise<Item[]> {
  const seen: Item[] = [];
  let query = `?limit=${limit}`;
  for (let pages = 0; pages < 50; pages++) {
    const { items, nextCursor } = await read(query);
    expect(items.length).toBeLessThanOrEqual(limit);
    seen.push(...items);
    if (nextCursor === null) return seen;
    query = `?limit=${limit}&cursor=${encodeURIComponent(nextCursor)}`;
  }
  throw new Error("a list without an end");
}

describe("the events of all keys", () => {
  it("are there when the change has answered, and say of which key they are", async () => {
    const issued = await issue({ owner: "acme" });
    await told(control("POST", keyPath(issued, "/suspend"), { body: { reason: "why" } }));
    const page = await events();
    expect(judge(pageOf(eventOfKey), page)).toMatchObject({ ok: true });
    expect(page.items).toMatchObject([
      {
        keyId: issued.record.id,
        owner: "acme",
        sequence: 2,
        type: "key.suspended",
        actor: "admin",
        detail: { reason: "why" },
      },
      { keyId: issued.record.id, owner: "acme", sequence: 1, type: "key.created" },
    ]);
  });

  it("are found by owner, type and span", async () => {
    const [theirs] = [await issue({ owner: "acme" }), await issue()];
    await told(control("POST", keyPath(theirs, "/revoke")));
    const types = async (query: string) => (await events(query)).items.map(({ type }) => type);
    expect(await types("?owner=acme")).toEqual(["key.revoked", "key.created"]);
    expect(await types("?owner=globex")).toEqual([]);
    expect(await types("?type=key.created")).toHaveLength(2);
    expect(await types("?type=key.created&owner=acme")).toHaveLength(1);
    const now = new Date(Date.now() + 1000).toISOString();
    expect(await types(`?from=${now}`)).toEqual([]);
    expect(await types(`?to=${now}`)).toHaveLength(3);
    expect(await types(`?from=2020-01-01T00:00:00%2B02:00&to=${now}`)).toHaveLength(3);
    expect(await types("?to=2020-01-01T00:00:00Z")).toEqual([]);
  });

  it.each([1, 2, 3, 200])("come in pages of %i that meet", async (limit) => {
    for (const owner of ["acme", "globex"]) {
      const issued = await issue({ owner });
      for (const what of ["suspend", "resume", "revoke"]) await told(control("POST", keyPath(issued, `/${what}`)));
    }
    const seen = (await allOf(events, limit)).map(({ keyId, sequence }) => `${keyId}.${sequence}`);
    expect(seen).toHaveLength(8);
    expect(new Set(seen).size).toBe(8);
  });

  it.each(["?type=key.exploded", "?from=yesterday", "?owner=a%20b", "?cursor=x", "?actor=admin"])(
    "cannot be asked for with %s",
    async (query) => {
      const { errors } = await told<{ errors: { path: string }[] }>(control("GET", `/_rekey/v1/events${query}`), 400);
      expect(errors.map(({ path }) => path)).toEqual([/\w+/.exec(query)![0]]);
    },
  );
});

describe("owners", () => {
  it("are listed by name with their standing and their keys, in pages that meet", async () => {
    for (const owner of ["owner-b", "owner-a", "owner-a", "owner-c"]) await issue({ owner });
    await issue();
    await told(control("POST", "/_rekey/v1/owners/owner-a/suspend"));
    const page = await owners();
    expect(judge(pageOf(listedOwner), page)).toMatchObject({ ok: true });
    const all = [
      { owner: "owner-a", status: "suspended", keys: 2 },
      { owner: "owner-b", status: "active", keys: 1 },
      { owner: "owner-c", status: "active", keys: 1 },
    ];
    expect(page.items).toEqual(all);
    for (const limit of [1, 2, 3]) expect(await allOf(owners, limit)).toEqual(all);
  });
});

describe("a key is found", () => {
  const ids = async (query: string) =>
    (await told<Page<{ id: string }>>(control("GET", `/_rekey/v1/keys${query}`))).items.map(({ id }) => id);

  it("by every filter, from the moment its create answered", async () => {
    const body = { name: "Straße 1", owner: "acme", environment: "test" };
    const [{ record }] = [await issue(body), await issue({ name: "other" })];
    for (const query of [
      "?owner=acme",
      "?environment=test",
      "?search=stra%C3%9FE",
      `?search=${record.id}`,
      "?owner=acme&environment=test&pepper=a&status=active&search=s",
    ]) {
      expect([query, await ids(query)]).toEqual([query, [record.id]]);
    }
    expect(await ids("?pepper=a")).toHaveLength(2);
    for (const query of ["?pepper=b", "?environment=test&owner=globex", "?search=nobody"])
      expect(await ids(query)).toEqual([]);
  });

  it("by a life that somebody has made longer than its lifetime, as long as it is longer", async () => {
    const [longer] = [await issue({ lifetimeSeconds: 60 }), await issue({ lifetimeSeconds: 60 }), await issue()];
    const endAt = async (expiresAt: string | null) => told(control("PATCH", keyPath(longer), { body: { expiresAt } }));
    expect(await ids("?beyondLifetime=true")).toEqual([]);
    await endAt(null);
    expect(await ids("?beyondLifetime=true")).toEqual([longer.record.id]);
    expect(await ids("?beyondLifetime=false")).toHaveLength(2);
    await endAt(longer.record.expiresAt);
    expect(await ids("?beyondLifetime=true")).toEqual([]);
    for (const other of ["", "1", "TRUE", "yes"]) {
      const refused = control("GET", `/_rekey/v1/keys?beyondLifetime=${other}`);
      expect(await told(refused, 400)).toMatchObject({
        errors: [{ path: "beyondLifetime", message: "must be true or false" }],
      });
    }
  });

  it("no more by its owner once it is purged", async () => {
    const issued = await issue({ owner: "acme" });
    await told(control("POST", keyPath(issued, "/revoke")));
    expect((await control("DELETE", keyPath(issued))).status).toBe(204);
    expect([await ids("?owner=acme"), await ids(""), (await owners()).items]).toEqual([[], [], []]);
  });
});

describe("a create for an owner whose object does not answer", () => {
  it("is 503, and no key comes of it", async () => {
    const OWNERS = { getByName: () => ({ register: () => new Promise(() => {}) }) } as unknown as typeof env.OWNERS;
    const call = { body: { name: "a key", owner: "acme" }, env: { OWNERS }, config: { decisionTimeoutMs: 50 } };
    const response = await control("POST", "/_rekey/v1/keys", call);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(await told(response, 503)).toMatchObject({ code: "unavailable" });
    expect((await events()).items).toEqual([]);
  });
});

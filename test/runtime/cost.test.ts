import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { Authority } from "../../src/key/authority.ts";
import { digestOf } from "../../src/key/digest.ts";
import { aCall } from "../support/a-call.ts";
import { aQuota, aWindow } from "../support/a-key.ts";
import { observeStorage } from "../support/observe-storage.ts";
import {
  aKeyId,
  asked,
  atRest,
  createAt,
  hears,
  openKey,
  rotated,
  stubOf,
  withCredential,
} from "../support/open-key.ts";

const limits = { quota: aQuota(1000), rateLimits: [aWindow(1000, 60), aWindow(1000, 3600, "hourly")] };

describe("an admission", () => {
  it("writes one row and sets no alarm, however many limits it counts in", async () => {
    const { stub, credential } = await openKey(limits);
    await atRest(stub);
    using written = await observeStorage(stub);
    for (let use = 1; use <= 5; use++) {
      expect(await hears(stub, credential)).toBe("admitted");
      expect(written.rows).toBe(use);
    }
    expect(new Set(written.statements).size).toBe(1);
  });

  it("writes one row also when it wakes the object", async () => {
    const { stub, credential } = await openKey(limits);
    await atRest(stub);
    using written = await observeStorage(stub);
    for (let use = 1; use <= 3; use++) {
      await evictDurableObject(stub);
      expect(await hears(stub, credential)).toBe("admitted");
      expect(written.rows).toBe(use);
    }
  });

  it("shares its row with those that arrive while it is written: 400 at once are far fewer than 400 rows", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(400) });
    await atRest(stub);
    using written = await observeStorage(stub);
    const heard = await Promise.all(Array.from({ length: 400 }, () => hears(stub, credential)));
    expect(heard).toEqual(Array(400).fill("admitted"));
    expect(written.rows).toBeGreaterThan(0);
    expect(written.rows).toBeLessThanOrEqual(400 / 16);
    expect(await hears(stub, credential)).toBe("quota-exceeded");
  });
});

describe("the first use of a secret whose answer could be repeated", () => {
  it("writes a second row, which erases the repeat, and the ones after it one again", async () => {
    const { stub, credential } = await openKey({}, null, { idempotency: aCall() });
    await atRest(stub, ["erase-repeat"]);
    using written = await observeStorage(stub);
    const rows: number[] = [];
    for (let use = 0; use < 3; use++) {
      expect(await hears(stub, credential)).toBe("admitted");
      rows.push(written.rows);
    }
    expect(rows).toEqual([2, 3, 4]);
  });
});

describe("nothing is written", () => {
  it("by a refusal that raises no alert, for whatever reason", async () => {
    const { stub, credential } = await openKey({
      quota: aQuota(1),
      rateLimits: [aWindow(3, 3600)],
      scopes: ["a"],
      allowedIps: ["203.0.113.0/24"],
    });
    const second = await rotated(stub);
    const ip = "203.0.113.7";
    expect(await hears(stub, second, { ip })).toBe("admitted");
    // What these two raise an alert for is known from now on.
    expect([await hears(stub, credential), await hears(stub, "nobody's")]).toEqual(["key-rotated", "wrong-secret"]);
    await atRest(stub);
    using written = await observeStorage(stub);
    expect([
      await hears(stub, credential),
      await hears(stub, "nobody's"),
      await hears(stub, second, { ip, scopes: ["b"] }),
      await hears(stub, second, { ip: "10.0.0.1" }),
      await hears(stub, second, { ip, cost: 2 }),
      await hears(stub, second, { ip }),
    ]).toEqual([
      "key-rotated",
      "wrong-secret",
      "insufficient-scope",
      "ip-not-allowed",
      "cost-exceeds-limit",
      "quota-exceeded",
    ]);
    expect(written).toMatchObject({ rows: 0, statements: [] });
  });

  it("by a question: a record, a history, a dry run", async () => {
    const { stub, credential } = await openKey(limits);
    await atRest(stub);
    using written = await observeStorage(stub);
    await stub.read(asked);
    await stub.events({ ...asked, before: null, limit: 10 });
    expect(await hears(stub, credential, { dryRun: true })).toBe("admitted");
    expect(written.rows).toBe(0);
  });

  it("by a change that changes nothing: a lost rotation, a second revoke", async () => {
    const { stub } = await openKey();
    await stub.revoke(asked);
    await atRest(stub);
    using written = await observeStorage(stub);
    await stub.revoke(asked);
    await stub.suspend(asked);
    await stub.resume(asked);
    await stub.rotate({ expectedVersion: 7, graceSeconds: 0, idempotency: null, ...asked });
    expect(written.rows).toBe(0);
  });

  it("by a change in itself: an amendment to what is so already, a credit that comes late, an order that came before", async () => {
    const { stub } = await openKey({ name: "as it is", owner: "acme", quota: aQuota(5, "none") });
    const order = { owner: "acme", order: { revision: 2, standing: "suspended" }, ...asked } as const;
    await stub.obey(order);
    await atRest(stub);
    using written = await observeStorage(stub);
    const amendment = { name: "as it is", quota: aQuota(5, "none") };
    expect(await stub.amend({ ...asked, amendment, expectedRevision: null })).toMatchObject({ done: true });
    expect(await stub.amend({ ...asked, amendment: { name: "new" }, expectedRevision: 1 })).toMatchObject({
      done: false,
    });
    expect(await stub.credit({ ...asked, credit: { add: 1 }, expectedRevision: 1 })).toMatchObject({ done: false });
    expect(await stub.purge(asked)).toMatchObject({ purged: false });
    await stub.obey(order);
    await stub.obey({ ...order, order: { revision: 1, standing: "revoked" } });
    await stub.obey({ ...order, owner: "globex", order: { revision: 9, standing: "revoked" } });
    expect(written.rows).toBe(0);
  });

  it("by those who may not: a weaker control key, another owner's, a holder of nothing", async () => {
    const { stub, record } = await openKey({ owner: "acme", scopes: ["rekey:*"] });
    expect(await hears(stub, "nobody's")).toBe("wrong-secret");
    await atRest(stub);
    using written = await observeStorage(stub);
    const authorityOver = (owner: string): Authority => ({
      kind: "control-key",
      keyId: aKeyId(),
      owner,
      scopes: ["rekey:keys:write", "orders:*"],
    });
    for (const [owner, because] of [
      ["acme", "forbidden"],
      ["globex", "not-found"],
    ] as const) {
      const ask = { ...asked, authority: authorityOver(owner) };
      const order = { owner: "acme", order: { revision: 1, standing: "revoked" } } as const;
      const answers = [
        await stub.rotate({ expectedVersion: null, graceSeconds: 0, idempotency: aCall(), ...ask }),
        await stub.revoke(ask),
        await stub.suspend(ask),
        await stub.resume(ask),
        await stub.amend({ amendment: { scopes: [] }, expectedRevision: null, ...ask }),
        await stub.credit({ credit: { add: 1 }, expectedRevision: null, ...ask }),
        await stub.purge(ask),
      ];
      for (const answer of answers) expect(answer).toMatchObject({ reached: false, because });
      expect(await stub.obey({ ...order, ...ask })).toEqual({ done: false, because: "forbidden" });
    }
    const stranger = { presented: digestOf("nobody's"), ip: null, ...asked };
    const refused = { done: false, refusal: { reason: "wrong-secret" } };
    expect(await stub.readSelf(stranger)).toMatchObject(refused);
    expect(await stub.rotateSelf({ ...stranger, idempotency: aCall() })).toMatchObject(refused);
    expect(await stub.revokeSelf(stranger)).toMatchObject(refused);
    expect(written.rows).toBe(0);
    expect(await stub.read(asked)).toMatchObject({ record });
  });

  it("by an amendment that would make a key stronger than the one who asks for it", async () => {
    const { stub } = await openKey({ scopes: ["orders:read"] });
    await atRest(stub);
    using written = await observeStorage(stub);
    const authority: Authority = { kind: "control-key", keyId: aKeyId(), owner: null, scopes: ["rekey:keys:write"] };
    const grant = (scopes: readonly string[]) =>
      stub.amend({ ...asked, authority, amendment: { scopes }, expectedRevision: null });
    expect(await grant(["rekey:keys:rotate"])).toMatchObject({ reached: false, because: "forbidden" });
    expect(await grant(["rekey:*"])).toMatchObject({ reached: false, because: "forbidden" });
    expect(written.rows).toBe(0);
    expect(await grant(["rekey:keys:write", "*"])).toMatchObject({ done: true });
  });

  it("by the repetition of a lost answer", async () => {
    const { id, stub } = await openKey({}, null, { idempotency: aCall("header-of-the-creation") });
    const rotate = { expectedVersion: 1, graceSeconds: 0, idempotency: aCall("header-of-the-rotation"), ...asked };
    await stub.rotate(rotate);
    await atRest(stub, ["erase-repeat"]);
    using written = await observeStorage(stub);
    expect(await stub.rotate(rotate)).toMatchObject({ done: true });
    expect(await createAt(id, {}, { idempotency: aCall("header-of-the-creation") })).toMatchObject({
      because: "idempotency-expired",
    });
    expect(written.rows).toBe(0);
  });

  it("by waking up", async () => {
    const { stub } = await openKey(limits);
    await atRest(stub);
    using written = await observeStorage(stub);
    for (let time = 0; time < 3; time++) {
      await evictDurableObject(stub);
      await stub.read(asked);
    }
    expect(written.rows).toBe(0);
  });
});

describe("an id under which no key was ever created", () => {
  it("is answered as unknown to every question and every command, and leaves no trace in storage", async () => {
    const stub = stubOf(aKeyId());
    const rotate = { expectedVersion: null, graceSeconds: 0, idempotency: null, ...asked };
    for (let time = 0; time < 2; time++) {
      expect(await stub.admit(withCredential("anything"))).toMatchObject({
        admitted: false,
        refusal: { reason: "unknown-key" },
        identity: null,
        allowance: null,
        decision: null,
      });
      const unknown = { reached: false, because: "not-found", decision: null };
      expect(await stub.read(asked)).toEqual(unknown);
      expect(await stub.rotate(rotate)).toEqual(unknown);
      expect(await stub.revoke(asked)).toEqual(unknown);
      expect(await stub.suspend(asked)).toEqual(unknown);
      expect(await stub.resume(asked)).toEqual(unknown);
      expect(await stub.events({ ...asked, before: null, limit: 10 })).toEqual(unknown);
      expect(await stub.amend({ ...asked, amendment: { name: "x" }, expectedRevision: null })).toEqual(unknown);
      expect(await stub.credit({ ...asked, credit: { add: 1 }, expectedRevision: null })).toEqual(unknown);
      expect(await stub.purge(asked)).toEqual(unknown);
      const nobody = { presented: digestOf("anything"), ip: null, idempotency: aCall(), ...asked };
      const refused = { done: false, refusal: { reason: "unknown-key" }, decision: null };
      expect(await stub.readSelf(nobody)).toEqual(refused);
      expect(await stub.rotateSelf(nobody)).toEqual(refused);
      expect(await stub.revokeSelf(nobody)).toEqual(refused);

      // An object without tables and without an alarm ceases to exist; one with either would be kept for ever.
      const traces = await runInDurableObject(stub, async (_object, { storage }) => ({
        tables: storage.sql.exec("SELECT name FROM sqlite_master").toArray(),
        alarm: await storage.getAlarm(),
        entries: (await storage.list()).size,
      }));
      expect(traces).toEqual({ tables: [], alarm: null, entries: 0 });
      await evictDurableObject(stub);
    }
  });
});

describe("a create", () => {
  it("for an id that has a key changes nothing and mints nothing", async () => {
    const { stub, id, record, credential } = await openKey({ name: "first" });
    await atRest(stub);
    using written = await observeStorage(stub);
    const again = await stub.create({
      profile: { ...record, id, name: "second" },
      end: null,
      by: asked.by,
      ownerOrder: null,
      idempotency: null,
    });
    expect(again).toEqual({ done: false, because: "conflict", decision: expect.any(String) });
    expect(written.rows).toBe(0);
    expect(await hears(stub, credential)).toBe("admitted");
  });

  it("is done once by any number that arrive together", async () => {
    const id = aKeyId();
    const stub = stubOf(id);
    const { record } = await openKey();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        stub.create({ profile: { ...record, id }, end: null, by: asked.by, ownerOrder: null, idempotency: null }),
      ),
    );
    expect(answers.filter(({ done }) => done)).toHaveLength(1);
    const history = await stub.events({ ...asked, before: null, limit: 10 });
    expect(history.reached && history.events).toHaveLength(1);
  });
});

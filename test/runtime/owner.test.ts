import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Authority } from "../../src/key/authority.ts";
import type { Obedience } from "../../src/key-object/rpc.ts";
import type { OwnerOrder, OwnerStanding } from "../../src/key/owner-order.ts";
import { control } from "../support/control.ts";
import { ledgerDown } from "../support/meet-ledger.ts";
import { asked, aKeyId, createAt, forgetful, hears, openKey, stubOf } from "../support/open-key.ts";
import { anOwner, openOwned, ownerStubOf } from "../support/open-owner.ts";

const HOUR = 3600 * 1000;
const NOT_FOUND = { reached: false, because: "not-found", decision: null };
const order = (revision: number, standing: OwnerStanding): OwnerOrder => ({ revision, standing, by: "operator" });

const decide = (owner: string, standing: OwnerStanding, ask = asked) => ownerStubOf(owner).decide(owner, standing, ask);

const standingIn = (owner: string) =>
  env.DB.prepare("SELECT standing, revision FROM owners WHERE owner = ?").bind(owner).first();

/** Moves the clock to the alarm of an owner's object and lets it ring. */
async function ring(owner: string): Promise<void> {
  const stub = ownerStubOf(owner);
  const alarm = await runInDurableObject(stub, (_object, { storage }) => storage.getAlarm());
  if (alarm === null) throw new Error("no alarm stands");
  vi.setSystemTime(alarm);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
}

beforeEach(() => {
  // A clock of our own, far ahead of the platform's: no alarm rings before the test lets it.
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(Date.now() + 1000 * HOUR);
});
afterEach(() => {
  vi.useRealTimers();
});

describe("a decision about an owner, with every object evicted after every step", () => {
  it("reaches each of its keys, and no other", async () => {
    const owner = anOwner();
    const keys = [await openOwned(owner), await openOwned(owner), await openOwned(owner)];
    const other = await openOwned(anOwner());
    const hear = () => Promise.all(keys.map(({ stub, credential }) => forgetful(stub, hears(stub, credential))));

    for (const [standing, heard] of [
      ["suspended", "owner-suspended"],
      ["active", "admitted"],
      ["suspended", "owner-suspended"],
      ["revoked", "key-revoked"],
    ] as const) {
      expect(await forgetful(ownerStubOf(owner), decide(owner, standing))).toEqual({
        done: true,
        standing,
        keys: 3,
        acknowledged: 3,
        forbidden: 0,
        ledger: "searched",
      });
      expect(await hear()).toEqual([heard, heard, heard]);
    }
    expect(await hears(other.stub, other.credential)).toBe("admitted");
    expect(await standingIn(owner)).toEqual({ standing: "revoked", revision: 4 });
  });

  it("is made once, however often it is asked for: one event for each key, one revision", async () => {
    const owner = anOwner();
    const { stub } = await openOwned(owner);
    for (let time = 0; time < 3; time++) await forgetful(ownerStubOf(owner), decide(owner, "suspended"));
    const history = await stub.events({ ...asked, before: null, limit: 10 });
    expect(history.reached && history.events.map(({ type }) => type)).toEqual(["key.owner-suspended", "key.created"]);
    expect(await standingIn(owner)).toEqual({ standing: "suspended", revision: 1 });
  });

  it("to revoke is final", async () => {
    const owner = anOwner();
    const { stub, credential } = await openOwned(owner);
    await forgetful(ownerStubOf(owner), decide(owner, "revoked"));
    for (const standing of ["active", "suspended"] as const) {
      expect(await forgetful(ownerStubOf(owner), decide(owner, standing))).toEqual({
        done: false,
        because: "owner-revoked",
      });
    }
    expect(await forgetful(ownerStubOf(owner), decide(owner, "revoked"))).toMatchObject({
      done: true,
      acknowledged: 1,
    });
    expect(await hears(stub, credential)).toBe("key-revoked");
  });

  it("leaves a key that was suspended by itself suspended when the owner is resumed", async () => {
    const owner = anOwner();
    const { stub, credential } = await openOwned(owner);
    await forgetful(stub, stub.suspend(asked));
    await decide(owner, "suspended");
    await evictDurableObject(stub);
    await decide(owner, "active");
    expect(await forgetful(stub, hears(stub, credential))).toBe("key-suspended");
  });

  it("about a name that nobody has heard of is not taken for success, and leaves nothing behind", async () => {
    const owner = anOwner();
    expect(await forgetful(ownerStubOf(owner), decide(owner, "revoked"))).toEqual({
      done: false,
      because: "not-found",
    });
    const tables = await runInDurableObject(ownerStubOf(owner), (_object, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray(),
    );
    expect(tables).toEqual([]);
  });
});

describe("a key whose creation is still under way when its owner is decided about", () => {
  // The key was entered and its owner answered; the decision comes before the creation reaches the key's object.
  const entered = async () => {
    const owner = anOwner();
    const id = aKeyId();
    const ownerOrder = await ownerStubOf(owner).register(owner, id);
    expect(ownerOrder).toEqual(order(0, "active"));
    return { owner, id, stub: stubOf(id), ownerOrder };
  };

  it("is suspended from its first moment, though its creation brings an older order", async () => {
    const { owner, id, stub, ownerOrder } = await entered();
    expect(await decide(owner, "suspended")).toMatchObject({ keys: 1, acknowledged: 1 });
    await evictDurableObject(stub);
    const created = await forgetful(stub, createAt(id, { owner }, { ownerOrder }));
    expect(created).toMatchObject({ done: true, record: { status: "active", ownerSuspended: true } });
    if (!created.done) throw new Error("not created");
    expect(await forgetful(stub, hears(stub, created.credential))).toBe("owner-suspended");
    await decide(owner, "active");
    expect(await forgetful(stub, hears(stub, created.credential))).toBe("admitted");
  });

  it("is not created when the owner was revoked", async () => {
    const { owner, id, stub, ownerOrder } = await entered();
    await decide(owner, "revoked");
    await evictDurableObject(stub);
    expect(await forgetful(stub, createAt(id, { owner }, { ownerOrder }))).toEqual({
      done: false,
      because: "owner-revoked",
      decision: null,
    });
    expect(await stub.read(asked)).toEqual(NOT_FOUND);
  });

  it("is created as ever when the owner was resumed before", async () => {
    const { owner, id, stub, ownerOrder } = await entered();
    await decide(owner, "suspended");
    await decide(owner, "active");
    await evictDurableObject(stub);
    const created = await createAt(id, { owner }, { ownerOrder });
    expect(created).toMatchObject({ done: true, record: { ownerSuspended: false } });
  });

  it("meets only its own owner's order, when the id was entered for two", async () => {
    const [first, second] = [await entered(), anOwner()];
    const { id, stub } = first;
    await ownerStubOf(second).register(second, id);
    await decide(second, "revoked");
    await evictDurableObject(stub);
    await decide(first.owner, "suspended");
    await evictDurableObject(stub);
    expect(await createAt(id, { owner: first.owner }, { ownerOrder: first.ownerOrder })).toMatchObject({
      done: true,
      record: { ownerSuspended: true },
    });
    // And an order of the other owner does nothing to it afterwards.
    expect(await stub.obey({ owner: second, order: order(9, "revoked"), ...asked })).toEqual({ done: true });
    expect(await stub.read(asked)).toMatchObject({ record: { status: "active" } });
  });

  it("until then nobody can tell its id from one that nobody has", async () => {
    const { owner, stub } = await entered();
    await decide(owner, "suspended");
    for (let round = 0; round < 2; round++) {
      expect(await forgetful(stub, hears(stub, "anything"))).toBe("unknown-key");
      expect(await forgetful(stub, stub.read(asked))).toEqual(NOT_FOUND);
      expect(await forgetful(stub, stub.purge(asked))).toEqual(NOT_FOUND);
      expect(await forgetful(stub, stub.revoke(asked))).toEqual(NOT_FOUND);
    }
    expect(await runInDurableObject(stub, (_object, { storage }) => storage.getAlarm())).toBeNull();
  });

  it("is refused at once, and entered nowhere, under an owner that is revoked already", async () => {
    const owner = anOwner();
    await openOwned(owner);
    await decide(owner, "revoked");
    const id = aKeyId();
    const ownerOrder = await ownerStubOf(owner).register(owner, id);
    expect(ownerOrder).toEqual(order(1, "revoked"));
    expect(await createAt(id, { owner }, { ownerOrder })).toMatchObject({ done: false, because: "owner-revoked" });
    expect(await decide(owner, "revoked")).toMatchObject({ keys: 1, acknowledged: 1 });
  });

  it("created under a suspended owner needs not to be told again", async () => {
    const owner = anOwner();
    await openOwned(owner);
    await decide(owner, "suspended");
    const { stub, record } = await openOwned(owner);
    expect(record).toMatchObject({ ownerSuspended: true, revision: 1 });
    expect(await decide(owner, "suspended")).toMatchObject({ keys: 2, acknowledged: 2 });
    expect(await stub.read(asked)).toMatchObject({ record: { revision: 1 } });
  });
});

describe("while the ledger is down", () => {
  it("a decision reaches every key all the same, and the ledger hears of it when it is back", async () => {
    const owner = anOwner();
    const keys = [await openOwned(owner), await openOwned(owner)];
    {
      using _ = ledgerDown();
      // A key that the ledger has never heard of.
      keys.push(await openOwned(owner));
      expect(await forgetful(ownerStubOf(owner), decide(owner, "suspended"))).toEqual({
        done: true,
        standing: "suspended",
        keys: 3,
        acknowledged: 3,
        forbidden: 0,
        ledger: "unreachable",
      });
      for (const { stub, credential } of keys) expect(await hears(stub, credential)).toBe("owner-suspended");
      await ring(owner);
    }
    expect(await standingIn(owner)).toBeNull();
    await ring(owner);
    expect(await standingIn(owner)).toEqual({ standing: "suspended", revision: 1 });
    const alarm = await runInDurableObject(ownerStubOf(owner), (_object, { storage }) => storage.getAlarm());
    expect(alarm).toBeNull();
  });

  it("an owner's old keys are searched for until they were found, though the ledger has heard of the decision", async () => {
    const owner = anOwner();
    const { stub, credential } = await openKey({ owner });
    {
      // It can be written to, and cannot be read.
      using _ = ledgerDown(/\bFROM keys\b/);
      expect(await decide(owner, "suspended")).toMatchObject({ done: true, ledger: "unreachable" });
      await ring(owner);
    }
    expect(await standingIn(owner)).toEqual({ standing: "suspended", revision: 1 });
    expect(await hears(stub, credential)).toBe("admitted");
    await ring(owner);
    expect(await hears(stub, credential)).toBe("owner-suspended");
  });

  it("a name that nobody has heard of may be an owner whom only the ledger knows: the decision waits for it", async () => {
    const owner = anOwner();
    const { stub, credential } = await openKey({ owner });
    {
      using _ = ledgerDown();
      expect(await decide(owner, "revoked")).toMatchObject({ done: true, keys: 0, ledger: "unreachable" });
      expect(await hears(stub, credential)).toBe("admitted");
    }
    await ring(owner);
    expect(await hears(stub, credential)).toBe("key-revoked");
  });
});

describe("keys that were created before there was a roll", () => {
  it("are found by the ledger's list, once", async () => {
    const owner = anOwner();
    const keys = await Promise.all(Array.from({ length: 5 }, () => openKey({ owner })));
    const other = await openKey({ owner: anOwner() });
    expect(await decide(owner, "suspended")).toMatchObject({ keys: 5, acknowledged: 5, ledger: "searched" });
    for (const { stub, credential } of keys) expect(await hears(stub, credential)).toBe("owner-suspended");
    expect(await hears(other.stub, other.credential)).toBe("admitted");
    expect(await decide(owner, "active")).toMatchObject({ keys: 5, acknowledged: 5 });
  });
});

describe("a decision on the authority of a control key", () => {
  const controlKey = (scopes: readonly string[]): Authority => ({
    kind: "control-key",
    keyId: aKeyId(),
    owner: null,
    scopes,
  });
  const weak = { ...asked, authority: controlKey(["rekey:keys:revoke"]) };

  it("does not reach keys that are stronger, says so, and the admin's does", async () => {
    const owner = anOwner();
    const ordinary = await openOwned(owner, { scopes: ["orders:*"] });
    const equal = await openOwned(owner, { scopes: ["rekey:keys:revoke"] });
    const stronger = await openOwned(owner, { scopes: ["rekey:*"] });
    for (let time = 0; time < 2; time++) {
      expect(await forgetful(ownerStubOf(owner), decide(owner, "suspended", weak))).toMatchObject({
        keys: 3,
        acknowledged: 2,
        forbidden: 1,
      });
    }
    const hear = () => Promise.all([ordinary, equal, stronger].map((key) => hears(key.stub, key.credential)));
    expect(await hear()).toEqual(["owner-suspended", "owner-suspended", "admitted"]);

    expect(await decide(owner, "suspended")).toMatchObject({ keys: 3, acknowledged: 3, forbidden: 0 });
    expect(await hear()).toEqual(["owner-suspended", "owner-suspended", "owner-suspended"]);
    // Which made it the admin's decision: whoever is weaker lifts it at no key.
    const barred = { done: false, because: "forbidden" };
    expect(await forgetful(ownerStubOf(owner), decide(owner, "active", weak))).toEqual(barred);
    expect(await hear()).toEqual(["owner-suspended", "owner-suspended", "owner-suspended"]);
    expect(await decide(owner, "active")).toMatchObject({ acknowledged: 3, forbidden: 0 });
  });
});

describe("keys' objects that are slow, or silent", () => {
  /** Stands in for all keys' objects, in the owner's calls too. */
  function standIn(obey: (keyId: string) => Promise<Obedience>): Disposable {
    const namespace = Object.getPrototypeOf(env.KEYS) as DurableObjectNamespace;
    // oxlint-disable-next-line typescript/unbound-method -- it is put back as it was
    const real = namespace.getByName;
    namespace.getByName = function (this: DurableObjectNamespace, name: string, ...rest) {
      if (!name.startsWith("key_")) return real.call(this, name, ...rest);
      return { obey: () => obey(name) } as unknown as DurableObjectStub;
    };
    return { [Symbol.dispose]: () => void (namespace.getByName = real) };
  }
  const registered = async (count: number) => {
    const owner = anOwner();
    await Promise.all(Array.from({ length: count }, () => ownerStubOf(owner).register(owner, aKeyId())));
    return owner;
  };

  it("many of them are told in parts: the answer says how far it is, and the alarm goes on to the end", async () => {
    const told = new Map<string, number>();
    using _ = standIn(async (keyId) => {
      told.set(keyId, (told.get(keyId) ?? 0) + 1);
      return { done: true };
    });
    const owner = await registered(1000);
    const progress = { done: true, standing: "suspended", keys: 1000, forbidden: 0 };
    expect(await decide(owner, "suspended")).toEqual({ ...progress, acknowledged: 480, ledger: "pending" });
    await evictDurableObject(ownerStubOf(owner));
    await ring(owner);
    expect(told.size).toBe(960);
    await evictDurableObject(ownerStubOf(owner));
    await ring(owner);
    expect(await standingIn(owner)).toEqual({ standing: "suspended", revision: 1 });
    expect(await decide(owner, "suspended")).toEqual({ ...progress, acknowledged: 1000, ledger: "searched" });
    // Each once: what has acknowledged is not asked again.
    expect([...told.values()].filter((times) => times !== 1)).toEqual([]);
    expect(told.size).toBe(1000);
  });

  it("one that fails keeps nobody else waiting, and is asked until it answers", async () => {
    let fails: string | null = null;
    let questions = 0;
    using _ = standIn(async (keyId) => {
      fails ??= keyId;
      if (keyId !== fails) return { done: true };
      questions += 1;
      if (questions < 4) throw new Error("overloaded");
      return { done: true };
    });
    const owner = await registered(100);
    expect(await decide(owner, "revoked")).toMatchObject({ keys: 100, acknowledged: 99, ledger: "searched" });
    expect(questions).toBe(2);
    await evictDurableObject(ownerStubOf(owner));
    await ring(owner);
    expect(questions).toBe(4);
    expect(await decide(owner, "revoked")).toMatchObject({ keys: 100, acknowledged: 100 });
  });

  it("one that keeps silent does not keep the caller waiting for longer than 5 s", async () => {
    const silence = Promise.withResolvers<Obedience>();
    using _ = standIn(async () => silence.promise);
    const owner = await registered(1);
    const began = performance.now();
    expect(await decide(owner, "suspended")).toMatchObject({ keys: 1, acknowledged: 0 });
    expect(performance.now() - began).toBeLessThan(8000);
    silence.resolve({ done: true });
  });

  it("an object that has answered sleeps again: no timer of a decision keeps it awake", async () => {
    using _ = standIn(async () => ({ done: true }));
    const owner = await registered(1);
    await decide(owner, "suspended");
    const began = performance.now();
    await evictDurableObject(ownerStubOf(owner));
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

describe("a key that was purged", () => {
  const roll = (owner: string) =>
    runInDurableObject(ownerStubOf(owner), (_object, { storage }) =>
      storage.sql.exec<{ key_id: string }>("SELECT key_id FROM member ORDER BY key_id").toArray(),
    );

  it("is off its owner's roll at once", async () => {
    const owner = anOwner();
    const [key, other] = [await openOwned(owner), await openOwned(owner)];
    await key.stub.revoke(asked);
    expect((await control("DELETE", `/_rekey/v1/keys/${key.id}`)).status).toBe(204);
    expect(await roll(owner)).toEqual([{ key_id: other.id }]);
    expect(await decide(owner, "suspended")).toMatchObject({ keys: 1, acknowledged: 1, ledger: "searched" });
  });

  it("is off it with the next decision, if the owner's object did not hear of it, and stays off", async () => {
    const owner = anOwner();
    const { id, stub } = await openOwned(owner);
    await stub.revoke(asked);
    await forgetful(stub, stub.purge(asked));
    expect(await roll(owner)).toEqual([{ key_id: id }]);
    await forgetful(ownerStubOf(owner), decide(owner, "suspended"));
    expect(await roll(owner)).toEqual([]);
    expect(await decide(owner, "active")).toMatchObject({ keys: 0, acknowledged: 0, ledger: "searched" });
    expect(await roll(owner)).toEqual([]);
    // It is as forgotten as before: the order has left nothing there.
    expect(await stub.read(asked)).toEqual(NOT_FOUND);
  });
});

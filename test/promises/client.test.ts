import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { controlClient, RekeyError, selfClient, valueOf, type ControlClient } from "../../src/client/index.ts";
import { losingProxy, type LosingProxy } from "../support/losing-proxy.ts";
import { startRekey, type Rekey } from "../support/rekey.ts";

let rekey: Rekey;
let way: LosingProxy;
let client: ControlClient;
let earlier: number;
beforeAll(async () => {
  rekey = await startRekey();
  way = await losingProxy(rekey.url);
  client = controlClient({ url: way.url, token: rekey.adminToken });
});
afterAll(async () => {
  await way[Symbol.asyncDispose]();
  await rekey.stop();
});
beforeEach(() => {
  earlier = way.seen.length;
});

/** The requests of this test. */
const seen = () => way.seen.slice(earlier);
const headers = () => seen().map(({ idempotencyKey }) => idempotencyKey);

const issue = async () => valueOf(await client.createKey({ name: "a key" }));
const versionsOf = async (id: string) => {
  const { items } = valueOf(await client.listKeyEvents(id));
  return items.filter(({ type }) => type === "key.created" || type === "key.rotated").length;
};

describe("an answer that is lost is had again, and what it answers happened once", () => {
  it.each([1, 2, 3])("create, lost %i times", async (times) => {
    way.meet(...Array<"lose">(times).fill("lose"));
    const before = (await rekey.objectIds()).length;
    const { key, record } = await issue();
    expect(seen().length).toBe(times + 1);
    expect(new Set(headers()).size).toBe(1);
    expect((await rekey.objectIds()).length).toBe(before + 1);
    expect(valueOf(await client.verifyKey({ key }))).toMatchObject({ valid: true, keyId: record.id, version: 1 });
  });

  it.each([1, 2, 3])("rotate, lost %i times", async (times) => {
    const { record } = await issue();
    way.meet(...Array<"lose">(times).fill("lose"));
    const { key, retired } = valueOf(await client.rotateKey(record.id, { expectedVersion: 1 }));
    expect(retired.version).toBe(1);
    expect(await versionsOf(record.id)).toBe(2);
    expect(valueOf(await client.verifyKey({ key }))).toMatchObject({ valid: true, version: 2 });
  });

  it("a key that rotates itself, with a secret that is dead by the time it asks again", async () => {
    const { key, record } = await issue();
    way.meet("lose", "lose");
    const renewed = valueOf(await selfClient({ url: way.url, key }).rotateSelf());
    expect(renewed.record.version).toBe(2);
    expect(await versionsOf(record.id)).toBe(2);
    expect(valueOf(await client.verifyKey({ key }))).toMatchObject({ code: "key-rotated" });
    expect(valueOf(await client.verifyKey({ key: renewed.key }))).toMatchObject({ valid: true });
  });

  it("in another process too, with the header that the failure names", async () => {
    const { record } = await issue();
    const impatient = controlClient({ url: way.url, token: rekey.adminToken, attempts: 1 });
    way.meet("lose");
    const lost = await impatient.rotateKey(record.id);
    if (lost.ok) throw new Error("the answer arrived");
    expect(lost.problem).toMatchObject({ code: "no-answer", status: null });
    const idempotencyKey = lost.idempotencyKey!;
    const { record: settled } = valueOf(await client.rotateKey(record.id, {}, { idempotencyKey }));
    expect(settled.version).toBe(2);
    expect(await versionsOf(record.id)).toBe(2);
  });

  it("and a call that never arrived, or that somebody on the way answered, is made after all", async () => {
    const { record } = await issue();
    way.meet("drop", "busy");
    expect(valueOf(await client.rotateKey(record.id)).record.version).toBe(2);
    way.meet("busy", "lose");
    expect(valueOf(await client.revokeKey(record.id)).status).toBe("revoked");
    way.meet("drop");
    expect(valueOf(await client.getKey(record.id)).status).toBe("revoked");
    way.meet("lose");
    expect(valueOf(await client.purgeKey(record.id))).toBeNull();
  });
});

describe("what counts, or could undo what somebody else did, is never asked twice", () => {
  const UNSETTLED = { ok: false, problem: { code: "no-answer" }, idempotencyKey: null };

  it("verify", async () => {
    const { key, record } = valueOf(await client.createKey({ name: "a key", quota: { limit: 10, period: "none" } }));
    earlier = way.seen.length;
    way.meet("lose");
    expect(await client.verifyKey({ key })).toMatchObject(UNSETTLED);
    way.meet("lose");
    expect(await client.verifyBatch([{ key }])).toMatchObject(UNSETTLED);
    expect(seen().length).toBe(2);
    expect(valueOf(await client.getKey(record.id)).quota!.used).toBe(2);
  });

  it("credits, amendments, suspend and resume, of a key and of an owner", async () => {
    const { record } = valueOf(
      await client.createKey({ name: "a key", owner: "acme", quota: { limit: 10, period: "none" } }),
    );
    earlier = way.seen.length;
    const calls = [
      () => client.creditKey(record.id, { add: 5 }),
      () => client.amendKey(record.id, { name: "another name" }),
      () => client.suspendKey(record.id),
      () => client.resumeKey(record.id),
      () => client.suspendOwner("acme"),
      () => client.resumeOwner("acme"),
    ];
    for (const call of calls) {
      way.meet("lose");
      expect(await call()).toMatchObject(UNSETTLED);
    }
    expect(seen().length).toBe(calls.length);
    expect(valueOf(await client.getKey(record.id)).quota!.limit).toBe(15);
  });
});

describe("a refusal is a value, told apart by its code, and never asked about again", () => {
  it("a stale version names the one that holds", async () => {
    const { record } = await issue();
    valueOf(await client.rotateKey(record.id));
    earlier = way.seen.length;
    const result = await client.rotateKey(record.id, { expectedVersion: 1 });
    expect(seen().length).toBe(1);
    if (result.ok || result.problem.code !== "version-conflict") throw new Error(JSON.stringify(result));
    expect(result.problem.currentVersion).toBe(2);
    expect(result.problem.requestId).toMatch(/^req_/);
  });

  it("everything wrong with a body is named", async () => {
    const result = await client.createKey({ name: "", owner: "a b" });
    if (result.ok || result.problem.code !== "invalid-request") throw new Error(JSON.stringify(result));
    expect(result.problem.errors?.map(({ path }) => path)).toEqual(["name", "owner"]);
    expect(() => valueOf(result)).toThrow(RekeyError);
    expect(() => valueOf(result)).toThrow(/^invalid-request: .*name .*owner /);
  });

  it("a change that was decided on an older record is not made", async () => {
    const { record } = await issue();
    valueOf(await client.amendKey(record.id, { name: "first" }, { ifRevision: record.revision }));
    const second = await client.amendKey(record.id, { name: "second" }, { ifRevision: record.revision });
    expect(second).toMatchObject({ ok: false, problem: { code: "precondition-failed", status: 412 } });
    expect(valueOf(await client.getKey(record.id)).name).toBe("first");
  });

  it("a wrong token", async () => {
    const stranger = controlClient({ url: way.url, token: "not-the-token" });
    expect(await stranger.listKeys()).toMatchObject({ ok: false, problem: { code: "invalid-key", status: 401 } });
  });
});

describe("a caller that gives up is told so, with its own reason", () => {
  it("before the call", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(client.getKey("key_0000000000000000", { signal })).rejects.toThrow("too late");
  });

  it("while it waits to ask again", async () => {
    const giveUp = new AbortController();
    const down = controlClient({ url: "http://127.0.0.1:1", token: "t", attempts: 1000 });
    const asked = down.listKeys({}, { signal: giveUp.signal });
    giveUp.abort(new Error("enough"));
    await expect(asked).rejects.toThrow("enough");
  });
});

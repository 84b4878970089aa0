import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ReservationId } from "../../src/key/reservation.ts";
import { aQuota } from "../support/a-key.ts";
import { control, issue, keyPath, told, verify } from "../support/control.ts";
import { observeStorage } from "../support/observe-storage.ts";
import { asked, atRest, openKey, withCredential, type Stub } from "../support/open-key.ts";
import { outcomeOf, throughGateway } from "../support/through-gateway.ts";

const settlePath = (id: string): string => `/_rekey/v1/reservations/${id}/settle`;
const settle = (id: string, used: number, call: object = {}) =>
  control("POST", settlePath(id), { body: { used }, ...call });

/** Holds units over the API. */
async function held(key: string, reserve: number): Promise<string> {
  const { reservation } = (await verify(key, { reserve })) as { reservation: { id: string } };
  return reservation.id;
}

/** Holds units at the object itself. */
async function holdAt(stub: Stub, credential: string, cost: number): Promise<ReservationId> {
  const verdict = await stub.admit(withCredential(credential, { cost, reserve: true }));
  if (!verdict.admitted) throw new Error(`refused: ${verdict.refusal.reason}`);
  return verdict.reservation!.id;
}

async function left(stub: Stub): Promise<number> {
  const read = await stub.read({ authority: asked.authority });
  if (!read.reached) throw new Error("no key");
  return read.record.allowance.quota!.remaining;
}

const rows = (stub: Stub): Promise<number> =>
  runInDurableObject(stub, (_object, { storage }) => storage.sql.exec("SELECT * FROM reservation").toArray().length);

describe("over the API", () => {
  it("units are held, settled with the truth, and the rest is given back", async () => {
    const issued = await issue({ quota: { limit: 100, period: "none" } });
    const id = await held(issued.key, 40);
    const settled = await told(settle(id, 15));
    expect(settled).toEqual({
      id,
      keyId: issued.record.id,
      reserved: 40,
      used: 15,
      charged: 15,
      overrun: 0,
      settledAt: expect.stringMatching(/Z$/),
    });
    expect(await told(settle(id, 15))).toEqual(settled);
    const record = await told<{ quota: object }>(control("GET", keyPath(issued)));
    expect(record.quota).toMatchObject({ used: 15, remaining: 85 });
  });

  it("another use is a conflict, also after the key was revoked", async () => {
    const issued = await issue({ quota: { limit: 100, period: "none" } });
    const id = await held(issued.key, 40);
    await told(control("POST", keyPath(issued, "/revoke"), { body: {} }));
    await told(settle(id, 15));
    const other = await settle(id, 16);
    expect([other.status, await outcomeOf(other)]).toEqual([409, "conflict"]);
  });

  it.each([
    ["a text that is no id", "res_1"],
    ["an id of a key that does not exist", "res_0000000000000000_0000000000000000"],
  ])("%s is not found", async (_name, id) => {
    expect((await settle(id, 1)).status).toBe(404);
  });

  it("a cost beside a reservation is refused, and a use below nothing", async () => {
    const { key } = await issue();
    expect((await control("POST", "/_rekey/v1/verify", { body: { key, cost: 1, reserve: 1 } })).status).toBe(400);
    expect((await settle(await held(key, 1), -1)).status).toBe(400);
  });

  it("only for whom the key exists: a control key of another owner finds no reservation", async () => {
    const issued = await issue({ owner: "acme", quota: { limit: 100, period: "none" } });
    const caller = async (owner: string) => {
      const { key } = await issue({ owner, scopes: ["rekey:verify"] });
      return { authorization: `Bearer ${key}` };
    };
    const id = await held(issued.key, 40);
    expect((await settle(id, 1, await caller("globex"))).status).toBe(404);
    expect((await settle(id, 1, await caller("acme"))).status).toBe(200);
  });
});

describe("at the key's object", () => {
  it("100 settlements at once give back once", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(100, "none") });
    const id = await holdAt(stub, credential, 40);
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => stub.settle({ id, used: 15, onlyOwner: null })),
    );
    expect(answers.filter(({ done }) => done)).toHaveLength(100);
    expect(await left(stub)).toBe(85);
  });

  it("of settlements with different uses one wins, and the others change nothing", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(100, "none") });
    const id = await holdAt(stub, credential, 40);
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, used) => stub.settle({ id, used, onlyOwner: null })),
    );
    const [winner, ...more] = answers.filter(({ done }) => done);
    expect(more).toEqual([]);
    expect(winner?.done && 100 - (await left(stub))).toBe(winner?.done && winner.reservation.closed!.charged);
  });

  it("500 at once that hold 7 of 50 each: exactly 7 are held, and 1 unit is left", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(50, "none") });
    const verdicts = await Promise.all(
      Array.from({ length: 500 }, () => stub.admit(withCredential(credential, { cost: 7, reserve: true }))),
    );
    expect(verdicts.filter(({ admitted }) => admitted)).toHaveLength(7);
    expect(await left(stub)).toBe(1);
  });

  it("nothing is lost by an eviction between any two steps", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(100, "none") });
    const ids: ReservationId[] = [];
    for (let n = 1; n <= 4; n++) {
      ids.push(await holdAt(stub, credential, 10 * n));
      await evictDurableObject(stub);
    }
    expect(await left(stub)).toBe(0);
    for (const [n, id] of ids.entries()) {
      expect(await stub.settle({ id, used: n, onlyOwner: null })).toMatchObject({ done: true });
      await evictDurableObject(stub);
      expect(await stub.settle({ id, used: n, onlyOwner: null })).toMatchObject({ done: true });
      await evictDurableObject(stub);
      expect(await stub.settle({ id, used: n + 1, onlyOwner: null })).toMatchObject({ because: "conflict" });
    }
    expect(await left(stub)).toBe(100 - (0 + 1 + 2 + 3));
  });

  it("costs a row of its own to hold and one to settle, beside the one of the counters", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(100, "none") });
    await holdAt(stub, credential, 1);
    await atRest(stub, ["close-reservations"]);
    using written = await observeStorage(stub);
    const id = await holdAt(stub, credential, 40);
    // The agenda knows of an earlier one already.
    expect(written.rows).toBe(2);
    await stub.settle({ id, used: 15, onlyOwner: null });
    expect(written.rows).toBe(4);
    await stub.settle({ id, used: 15, onlyOwner: null });
    expect(written.rows).toBe(4);
  });

  it("is forgotten with its key", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(100, "none") });
    const id = await holdAt(stub, credential, 40);
    await stub.revoke(asked);
    await stub.purge(asked);
    expect(await rows(stub)).toBe(0);
    expect(await stub.settle({ id, used: 1, onlyOwner: null })).toMatchObject({ done: false, because: "not-found" });
  });
});

describe("a reservation that nobody settles", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  const waiting = async (onReservationTimeout: "charge" | "release") => {
    const key = await openKey({ quota: aQuota(100, "none"), reserveSeconds: 60, onReservationTimeout });
    const id = await holdAt(key.stub, key.credential, 40);
    return { ...key, id };
  };

  it.each([
    ["charge", 60],
    ["release", 100],
  ] as const)("is closed by the alarm: %s", async (policy, remaining) => {
    const { stub, id } = await waiting(policy);
    vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ["Date"] });
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await left(stub)).toBe(remaining);
    expect(await stub.settle({ id, used: 5, onlyOwner: null })).toMatchObject({ done: false, because: "conflict" });
    expect(
      await runInDurableObject(stub, (_object, { storage }) =>
        storage.sql.exec("SELECT * FROM agenda WHERE task = 'close-reservations'").toArray(),
      ),
    ).toEqual([]);
  });

  it.each([
    ["charge", 60],
    ["release", 100],
  ] as const)("is closed at its instant, even if the alarm is late: %s", async (policy, remaining) => {
    const { stub, credential, id } = await waiting(policy);
    vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ["Date"] });
    // Whoever comes first finds it closed: a settlement, a reading, an admission.
    expect(await stub.settle({ id, used: 5, onlyOwner: null })).toMatchObject({ done: false, because: "conflict" });
    expect(await left(stub)).toBe(remaining);
    const verdict = await stub.admit(withCredential(credential, { cost: 61 }));
    expect(verdict.admitted).toBe(remaining === 100);
  });

  it("is closed after an eviction as if nothing had happened", async () => {
    const { stub, id } = await waiting("release");
    await evictDurableObject(stub);
    vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ["Date"] });
    expect(await left(stub)).toBe(100);
    await evictDurableObject(stub);
    expect(await stub.settle({ id, used: 5, onlyOwner: null })).toMatchObject({ done: false, because: "conflict" });
  });
});

describe("at the gateway, where a route reserves", () => {
  const rule = { charge: { reserve: 40 } };
  const costing = (cost: string | null) => () =>
    new Response("done", { headers: cost === null ? {} : { "rekey-cost": cost } });

  it.each([
    ["the origin's word settles it", "15", 15],
    ["nothing was used", "0", 0],
    ["more was used than was held", "55", 55],
    ["more than there is: up to the quota", "5000", 100],
    ["a word that is no number is charged in full", "much", 40],
    ["a word below nothing too", "-3", 40],
    ["a fraction too", "1.5", 40],
    ["two words too", "1, 2", 40],
    ["a number beyond all limits too", "1000000000001", 40],
    ["an empty word too", "", 40],
    ["without a word it waits for its time-out", null, 40],
  ])("%s", async (_name, cost, used) => {
    const { stub, credential } = await openKey({ quota: aQuota(100, "none") });
    const answer = await throughGateway(credential, { rule, origin: costing(cost) });
    expect(await answer.text()).toBe("done");
    expect(answer.headers.get("rekey-cost")).toBeNull();
    expect(await left(stub)).toBe(100 - used);
    // The client is told what is left after the settlement, not before.
    expect(answer.headers.get("ratelimit")).toBe(`"quota";r=${100 - used}`);
  });

  it("is closed by its time-out only where the origin said nothing", async () => {
    const open = async (cost: string | null) => {
      const { stub, credential } = await openKey({ quota: aQuota(100, "none") });
      await throughGateway(credential, { rule, origin: costing(cost) });
      return runInDurableObject(stub, (_object, { storage }) =>
        storage.sql
          .exec<{ json: string }>("SELECT json FROM reservation")
          .toArray()
          .map(({ json }) => (JSON.parse(json) as { closed: object | null }).closed !== null),
      );
    };
    expect(await open("15")).toEqual([true]);
    expect(await open("much")).toEqual([true]);
    expect(await open(null)).toEqual([false]);
  });

  it("is refused as any cost is, when it does not fit", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(39, "none") });
    expect(await outcomeOf(await throughGateway(credential, { rule }))).toBe("quota-exceeded");
    expect([await left(stub), await rows(stub)]).toEqual([39, 0]);
  });

  it("20 exchanges at once are settled each by its own cost", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(1_000, "none") });
    await Promise.all(
      Array.from({ length: 20 }, (_, cost) => throughGateway(credential, { rule, origin: costing(String(cost)) })),
    );
    expect(await left(stub)).toBe(1_000 - 190);
  });

  it("elsewhere the origin's word means nothing, and does not reach the client either", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(100, "none") });
    const answer = await throughGateway(credential, { origin: costing("50") });
    expect([answer.headers.get("rekey-cost"), await left(stub)]).toEqual([null, 99]);
  });
});

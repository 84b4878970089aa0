import type { Authority } from "../../src/key/authority.ts";
import type { KeyId } from "../../src/key/credential.ts";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { ChainProof } from "../../src/control/schema/proof.ts";
import { requireConfig, type Env } from "../../src/env.ts";
import type { KeyEvent } from "../../src/key/event.ts";
import { epochMs } from "../../src/key/time.ts";
import { KEYS_A_RUN, reconcile } from "../../src/chores/reconcile.ts";
import { readChore } from "../../src/ledger/chores.ts";
import { RECONCILE, type Walk } from "../../src/ledger/walk.ts";
import { doChores } from "../../src/scheduled.ts";
import { control, told } from "../support/control.ts";
import { ledgerOf } from "../support/meet-ledger.ts";
import { observeStorage } from "../support/observe-storage.ts";
import {
  aKeyId,
  asked,
  atRest,
  hears,
  openKey,
  rotated,
  stubOf,
  type OpenKey,
  type Stub,
} from "../support/open-key.ts";
import { ledgerCopy, objectCopy, restoreLedger, restoreObject } from "../support/time-travel.ts";

const HOUR = 3_600_000;

/** A walk through all keys that begins now, whenever the last one did. */
let minutes = 0;
async function walk(): Promise<Walk> {
  minutes += 1;
  await doChores(env, epochMs(Date.now() + minutes * HOUR));
  return (await readChore<Walk>(env.DB, RECONCILE))!;
}

const proofOf = ({ id }: Pick<OpenKey, "id">) => told<ChainProof>(control("GET", `/_rekey/v1/keys/${id}/events/proof`));
const historyOf = async (stub: Stub): Promise<readonly KeyEvent[]> => {
  const answer = await stub.events({ ...asked, before: null, limit: 100 });
  return answer.reached ? answer.events : [];
};
const recordOf = async (stub: Stub) => {
  const answer = await stub.read(asked);
  if (!answer.reached) throw new Error(answer.because);
  return answer.record;
};
const rowOf = (id: string) =>
  env.DB.prepare("SELECT status, version, revision FROM keys WHERE id = ?").bind(id).first();

beforeEach(async () => {
  await env.DB.batch(["keys", "events", "anchors", "chores"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
});

describe("a ledger that was restored to last week", () => {
  it("brings nothing back while the product runs on, and is whole again after one walk", async () => {
    const [rotatedKey, revokedKey, suspendedKey, purgedKey, quietKey] = [
      await openKey({ name: "rotated" }),
      await openKey({ name: "revoked" }),
      await openKey({ name: "suspended" }),
      await openKey({ name: "purged" }),
      await openKey({ name: "quiet" }),
    ];
    const lastWeek = await ledgerCopy();
    const second = await rotated(rotatedKey.stub);
    await revokedKey.stub.revoke(asked);
    await suspendedKey.stub.suspend(asked);
    await purgedKey.stub.revoke(asked);
    await purgedKey.stub.purge(asked);
    const verdicts = async () => [
      await hears(rotatedKey.stub, rotatedKey.credential),
      await hears(rotatedKey.stub, second),
      await hears(revokedKey.stub, revokedKey.credential),
      await hears(suspendedKey.stub, suspendedKey.credential),
      await hears(purgedKey.stub, purgedKey.credential),
      await hears(quietKey.stub, quietKey.credential),
    ];
    const expected = ["key-rotated", "admitted", "key-revoked", "key-suspended", "unknown-key", "admitted"];
    // Whatever is to be noticed about these uses is noticed now.
    expect(await verdicts()).toEqual(expected);
    for (const { stub } of [rotatedKey, revokedKey, suspendedKey, purgedKey, quietKey]) await atRest(stub);
    const { chores: _, ...today } = await ledgerCopy();

    await restoreLedger(lastWeek);
    expect(await verdicts()).toEqual(expected);

    expect((await walk()).last).toMatchObject({ keys: 5, caughtUp: 4, recovered: 0, silent: 0 });
    expect(await verdicts()).toEqual(expected);
    const { chores: _now, ...restored } = await ledgerCopy();
    expect(restored).toEqual(today);
    for (const key of [rotatedKey, revokedKey, suspendedKey, purgedKey, quietKey]) {
      expect(await proofOf(key)).toMatchObject({ intact: true, onlyInLedger: [] });
    }
  });

  it("is told by the next change of a key already, and no version of it ever goes down there", async () => {
    const { id, stub } = await openKey();
    await rotated(stub);
    const lastWeek = await ledgerCopy();
    await rotated(stub);
    await restoreLedger(lastWeek);
    await rotated(stub);
    expect(await rowOf(id)).toEqual({ status: "active", version: 4, revision: 4 });
    // The change that fell into the gap comes with the walk.
    expect((await ledgerOf(id)).sequences).toEqual([1, 2, 4]);
    expect(await proofOf({ id })).toMatchObject({ fault: { sequence: 3, kind: "removed" } });
    await walk();
    expect((await ledgerOf(id)).sequences).toEqual([1, 2, 3, 4]);
    expect(await proofOf({ id })).toMatchObject({ intact: true });
  });
});

describe("a key's object that was restored to an earlier time", () => {
  it("lets in a secret that was replaced until the walk comes by; from then on it is dead for good", async () => {
    const { id, stub, credential } = await openKey();
    const yesterday = await objectCopy(stub);
    const second = await rotated(stub);
    const third = await rotated(stub);
    await restoreObject(stub, yesterday);
    // What nobody can know without the ledger: this is why the runbook begins with the walk.
    expect(await hears(stub, credential)).toBe("admitted");

    expect((await walk()).last).toMatchObject({ keys: 1, recovered: 1 });
    expect(await hears(stub, credential)).toBe("key-rotated");
    for (const secret of [second, third]) expect(await hears(stub, secret)).toBe("wrong-secret");
    expect(await recordOf(stub)).toMatchObject({ status: "suspended", version: 4, revision: 4 });
    expect(await rowOf(id)).toEqual({ status: "suspended", version: 4, revision: 4 });
    expect((await historyOf(stub)).find(({ type }) => type === "key.recovered")).toMatchObject({
      sequence: 4,
      type: "key.recovered",
      by: { actor: "policy" },
      detail: { sequence: { before: 1, after: 3 } },
    });
    // Resuming it does not revive any secret; a rotation makes one that works.
    await stub.resume(asked);
    expect(await hears(stub, credential)).toBe("key-rotated");
    const fourth = await rotated(stub);
    expect(await hears(stub, fourth)).toBe("admitted");
    expect(await recordOf(stub)).toMatchObject({ status: "active", version: 5 });
    expect(await proofOf({ id })).toMatchObject({ intact: true, onlyInLedger: [{ first: 2, last: 3 }] });
    await atRest(stub);
    const { sequences } = await ledgerOf(id);
    expect(sequences).toEqual(sequences.map((_, at) => at + 1));
    expect((await walk()).last).toMatchObject({ recovered: 0, caughtUp: 0 });
  });

  it("is revoked again, as of the first revocation", async () => {
    const { id, stub, credential } = await openKey();
    const yesterday = await objectCopy(stub);
    await stub.revoke(asked);
    const { revokedAt } = await recordOf(stub);
    await restoreObject(stub, yesterday);
    await walk();
    expect(await hears(stub, credential)).toBe("key-revoked");
    expect(await recordOf(stub)).toMatchObject({ status: "revoked", revokedAt, revision: 3 });
    expect(await rowOf(id)).toEqual({ status: "revoked", version: 1, revision: 3 });
    expect(await proofOf({ id })).toMatchObject({ intact: true, onlyInLedger: [{ first: 2, last: 2 }] });
  });

  it("is purged again", async () => {
    const { id, stub, credential } = await openKey({ name: "Ada's laptop" });
    await stub.revoke(asked);
    const yesterday = await objectCopy(stub);
    await stub.purge(asked);
    await restoreObject(stub, yesterday);
    expect(await hears(stub, credential)).toBe("key-revoked");
    await walk();
    expect(await hears(stub, credential)).toBe("unknown-key");
    expect(await stub.read(asked)).toMatchObject({ reached: false });
    expect(JSON.stringify(await objectCopy(stub))).not.toContain("Ada");
    expect(await rowOf(id)).toMatchObject({ status: "purged" });
    expect(await proofOf({ id })).toMatchObject({ intact: true, verifiedThrough: 4 });
    expect((await walk()).last).toMatchObject({ recovered: 0, caughtUp: 0 });
  });

  it("stops when it has lost a change: what was narrowed is not known to it any more", async () => {
    const { stub, credential } = await openKey({ scopes: ["orders:*"] });
    const yesterday = await objectCopy(stub);
    await stub.amend({ ...asked, amendment: { scopes: ["orders:read"] }, expectedRevision: null });
    await restoreObject(stub, yesterday);
    await walk();
    expect(await hears(stub, credential)).toBe("key-suspended");
    await stub.resume(asked);
    expect(await hears(stub, credential)).toBe("admitted");
  });

  it("and what an operator stopped meanwhile stays an operator's to lift", async () => {
    const authority: Authority = {
      kind: "control-key",
      keyId: "key_0000000000000009" as KeyId,
      owner: null,
      scopes: ["rekey:*"],
    };
    const tenant = { ...asked, authority };
    const { stub, credential } = await openKey();
    await stub.suspend(tenant);
    const yesterday = await objectCopy(stub);
    await stub.suspend(asked);
    await restoreObject(stub, yesterday);
    await walk();
    expect(await stub.resume(tenant)).toMatchObject({ reached: false, because: "forbidden" });
    expect(await hears(stub, credential)).toBe("key-suspended");
    await stub.resume(asked);
    expect(await hears(stub, credential)).toBe("admitted");
  });

  it("stops as well when a note of its own has taken the number of the change that it lost", async () => {
    const { id, stub, credential } = await openKey({ scopes: ["orders:*"] });
    const second = await rotated(stub);
    const yesterday = await objectCopy(stub);
    await stub.amend({ ...asked, amendment: { scopes: ["orders:read"] }, expectedRevision: null });
    await restoreObject(stub, yesterday);
    // Which is an event: a secret that was replaced is used again.
    expect(await hears(stub, credential)).toBe("key-rotated");
    expect((await historyOf(stub))[0]).toMatchObject({ sequence: 3 });
    await walk();
    expect(await hears(stub, second)).toBe("key-suspended");
    expect(await rowOf(id)).toEqual({ status: "suspended", version: 2, revision: 4 });
  });

  it.each([
    ["revoked", (stub: Stub) => stub.revoke(asked), "key-revoked"],
    ["rotated", (stub: Stub) => rotated(stub), "key-rotated"],
  ] as const)(
    "does not outrun what it has forgotten: %s, restored, and changed many times since",
    async (_what, change, heard) => {
      const { id, stub, credential } = await openKey();
      const yesterday = await objectCopy(stub);
      await change(stub);
      const before = await rowOf(id);
      await restoreObject(stub, yesterday);
      for (let time = 0; time < 3; time++) {
        await stub.suspend(asked);
        await stub.resume(asked);
      }
      expect(await hears(stub, credential)).toBe("admitted");
      expect(await rowOf(id)).toEqual(before);
      await walk();
      expect(await hears(stub, credential)).toBe(heard);
      // Two histories have the same numbers: that cannot be made good, and is not hidden.
      expect(await proofOf({ id })).toMatchObject({ fault: { sequence: 2, kind: "altered" } });
      expect((await walk()).last).toMatchObject({ recovered: 0 });
    },
  );

  it("goes on as it was when nothing but a note was lost", async () => {
    const { stub, credential } = await openKey();
    const yesterday = await objectCopy(stub);
    await env.DB.prepare(
      `INSERT INTO events (key_id, sequence, type, at_ms, actor, request_id, detail, hash)
       SELECT key_id, 2, 'key.exchanges-cut', at_ms, actor, request_id, '{"count":1}', 'x' FROM events WHERE key_id = ?`,
    )
      .bind((await recordOf(stub)).id)
      .run();
    await restoreObject(stub, yesterday);
    await walk();
    expect(await hears(stub, credential)).toBe("admitted");
    expect((await historyOf(stub))[0]).toMatchObject({ sequence: 3, type: "key.recovered" });
  });

  it("to before its creation is unknown, and nothing brings it into being", async () => {
    const { id } = await openKey();
    await env.DB.prepare("UPDATE keys SET id = ? WHERE id = ?").bind(aKeyId(), id).run();
    const [ghost] = (await env.DB.prepare("SELECT id FROM keys").all<{ id: OpenKey["id"] }>()).results;
    expect((await walk()).last).toMatchObject({ keys: 1, recovered: 0, caughtUp: 0 });
    expect(await objectCopy(stubOf(ghost!.id))).toEqual({});
  });
});

describe("ledger and object, both restored", () => {
  it("the object to an earlier time than the ledger: it is brought to where the ledger is", async () => {
    const { stub, credential } = await openKey();
    const older = await objectCopy(stub);
    await rotated(stub);
    const newer = await ledgerCopy();
    const third = await rotated(stub);
    await restoreLedger(newer);
    await restoreObject(stub, older);
    await walk();
    expect(await hears(stub, credential)).toBe("key-rotated");
    expect(await hears(stub, third)).toBe("wrong-secret");
    expect(await recordOf(stub)).toMatchObject({ status: "suspended", version: 3 });
  });

  it("to the same time: nothing is left that knows better, and the old secret lives", async () => {
    const { stub, credential } = await openKey();
    const [object, ledger] = [await objectCopy(stub), await ledgerCopy()];
    await rotated(stub);
    await restoreLedger(ledger);
    await restoreObject(stub, object);
    expect((await walk()).last).toMatchObject({ recovered: 0 });
    expect(await hears(stub, credential)).toBe("admitted");
  });
});

describe("a row that somebody slipped into the ledger", () => {
  it("stops a key at worst, and what it knows only from there is named for ever", async () => {
    const key = await openKey();
    await env.DB.prepare(
      `INSERT INTO events (key_id, sequence, type, at_ms, actor, request_id, detail, owner, hash)
       SELECT key_id, 2, 'key.credited', at_ms, actor, request_id, '{}', owner, 'x' FROM events WHERE key_id = ?`,
    )
      .bind(key.id)
      .run();
    expect(await proofOf(key)).toMatchObject({ fault: { sequence: 2, kind: "inserted" } });
    await walk();
    expect(await proofOf(key)).toMatchObject({ intact: false, fault: { sequence: 2, kind: "altered" } });
  });
});

describe("a walk", () => {
  it("writes nothing about keys that the ledger knows well, and asks it nothing more", async () => {
    const { stub } = await openKey();
    await rotated(stub);
    await atRest(stub);
    using written = await observeStorage(stub);
    expect((await walk()).last).toMatchObject({ keys: 1, caughtUp: 0, recovered: 0, silent: 0 });
    expect(written.rows).toBe(0);
  });

  it("asks so many keys in a run, goes on where it was, and rests for an hour when it is over", async () => {
    const many = 2 * KEYS_A_RUN + 1;
    const add = env.DB.prepare(
      "INSERT INTO keys (id, name, status, pepper, version, revision, created_at_ms, record) VALUES (?, '', 'active', 'a', 1, 1, 1, '{}')",
    );
    await env.DB.batch(Array.from({ length: many }, () => add.bind(aKeyId())));
    const now = Date.now() + 1000 * HOUR;
    const run = async (at: number, settings: Partial<Env> = {}) => {
      const config = { ...requireConfig(env), ledgerEpoch: settings.LEDGER_EPOCH ?? "" };
      await reconcile(env, config, epochMs(at));
      return (await readChore<Walk>(env.DB, RECONCILE))!;
    };
    expect(await run(now)).toMatchObject({ keys: KEYS_A_RUN, last: null });
    expect(await run(now + 60_000)).toMatchObject({ keys: 2 * KEYS_A_RUN, last: null });
    const over = await run(now + 120_000);
    expect(over).toMatchObject({ keys: many, after: null, last: { keys: many, endedAt: now + 120_000 } });
    expect(await run(now + HOUR - 1)).toEqual(over);
    expect(await run(now + HOUR)).toMatchObject({ keys: KEYS_A_RUN, beganAt: now + HOUR, last: { keys: many } });
    // Another epoch does not wait, and wakes them all again.
    expect(await run(now + HOUR + 1, { LEDGER_EPOCH: "2" })).toMatchObject({ keys: KEYS_A_RUN, epoch: "2" });
  });

  it("does not stop at a key that keeps silent", async () => {
    const keys = [await openKey(), await openKey()];
    const real = env.KEYS;
    const silent = keys.map(({ id }) => id).toSorted()[0]!;
    const deaf = {
      getByName: (id: string) =>
        id === silent ? { reconcile: () => Promise.reject(new Error("reset")) } : real.getByName(id),
    };
    await reconcile({ ...env, KEYS: deaf as unknown as Env["KEYS"] }, requireConfig(env), epochMs(Date.now()));
    expect((await readChore<Walk>(env.DB, RECONCILE))!.last).toMatchObject({ keys: 2, silent: 1 });
  });
});

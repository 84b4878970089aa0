import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { digestOf } from "../../src/key/digest.ts";
import { aBucket, aQuota, aRotation, aSliding, aWindow } from "../support/a-key.ts";
import { asked, forgetful, hears, openKey, rotated, withCredential } from "../support/open-key.ts";

describe("a key that is evicted between every two steps", () => {
  it("still refuses the secret that was rotated away", async () => {
    const { stub, credential: first } = await openKey();
    await evictDurableObject(stub);
    const second = await forgetful(stub, rotated(stub, 1));
    const third = await forgetful(stub, rotated(stub, 2));
    for (let round = 0; round < 2; round++) {
      expect(await forgetful(stub, hears(stub, first))).toBe("key-rotated");
      expect(await forgetful(stub, hears(stub, second))).toBe("key-rotated");
      expect(await forgetful(stub, hears(stub, third))).toBe("admitted");
      expect(await forgetful(stub, hears(stub, `${third}?`))).toBe("wrong-secret");
    }
  });

  it("still counts what it spent: 3 of 3, across a rotation", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(3, "none") });
    const heard: string[] = [];
    let holds = credential;
    for (let use = 0; use < 5; use++) {
      heard.push(await forgetful(stub, hears(stub, holds)));
      if (use === 1) holds = await forgetful(stub, rotated(stub));
    }
    expect(heard).toEqual(["admitted", "admitted", "admitted", "quota-exceeded", "quota-exceeded"]);
  });

  it.each([aWindow(2, 3600), aSliding(2, 3600), aBucket(1, 3600, 2)])(
    "still counts what it let in: %o",
    async (limit) => {
      const { stub, credential } = await openKey({ rateLimits: [limit] });
      const heard: string[] = [];
      for (let use = 0; use < 4; use++) heard.push(await forgetful(stub, hears(stub, credential)));
      expect(heard).toEqual(["admitted", "admitted", "rate-limited", "rate-limited"]);
    },
  );

  it("still counts the uses of each secret, and hands out a successor with the third", async () => {
    const { stub, credential } = await openKey({
      rotation: aRotation({ afterUses: 3, mode: "issue", graceSeconds: 60 }),
    });
    const given: boolean[] = [];
    const graces: string[] = [];
    let holds = credential;
    for (let use = 0; use < 7; use++) {
      const verdict = await forgetful(stub, stub.admit(withCredential(holds)));
      const newKey = verdict.admitted ? verdict.newKey : null;
      given.push(newKey !== null);
      // Whoever is in the grace counts for nothing, with its memory or without.
      if (holds !== credential) graces.push(await forgetful(stub, hears(stub, credential)));
      holds = newKey ?? holds;
    }
    expect(graces).toEqual(["admitted", "admitted", "admitted", "admitted"]);
    expect(given).toEqual([false, false, true, false, false, true, false]);
  });

  it("still demands a rotation after the third use, and not after the first of its successor", async () => {
    const { stub, credential } = await openKey({ rotation: aRotation({ afterUses: 3, mode: "require" }) });
    const heard: string[] = [];
    for (let use = 0; use < 4; use++) heard.push(await forgetful(stub, hears(stub, credential)));
    expect(heard).toEqual(["admitted", "admitted", "admitted", "rotation-required"]);
    const successor = await forgetful(stub, rotated(stub));
    expect(await forgetful(stub, hears(stub, successor))).toBe("admitted");
  });

  it("still knows a grace, and its end by a further rotation", async () => {
    const { stub, credential: first } = await openKey();
    const second = await forgetful(stub, rotated(stub, 1, 3600));
    expect(await forgetful(stub, hears(stub, first))).toBe("admitted");
    const third = await forgetful(stub, rotated(stub, 2));
    expect(await forgetful(stub, hears(stub, first))).toBe("key-rotated");
    expect(await forgetful(stub, hears(stub, second))).toBe("key-rotated");
    expect(await forgetful(stub, hears(stub, third))).toBe("admitted");
  });

  it("stays suspended, goes on when resumed, and stays revoked", async () => {
    const { stub, credential } = await openKey();
    await forgetful(stub, stub.suspend(asked));
    expect(await forgetful(stub, hears(stub, credential))).toBe("key-suspended");
    await forgetful(stub, stub.resume(asked));
    expect(await forgetful(stub, hears(stub, credential))).toBe("admitted");
    await forgetful(stub, stub.revoke(asked));
    expect(await forgetful(stub, hears(stub, credential))).toBe("key-revoked");
    expect(await forgetful(stub, stub.resume(asked))).toMatchObject({ reached: true, done: false });
    expect(await forgetful(stub, hears(stub, credential))).toBe("key-revoked");
  });

  it("lets one of two rotations from the same version win, though the second meets another instance", async () => {
    const { stub } = await openKey();
    const command = { expectedVersion: 1, graceSeconds: 0, idempotency: null, ...asked };
    expect(await forgetful(stub, stub.rotate(command))).toMatchObject({ done: true });
    expect(await forgetful(stub, stub.rotate(command))).toMatchObject({
      done: false,
      because: "version-conflict",
      currentVersion: 2,
    });
  });

  it("revokes once: one event and one revokedAt, from three instances", async () => {
    const { stub } = await openKey();
    const instants = new Set<number | null>();
    for (let call = 0; call < 3; call++) {
      const answer = await forgetful(stub, stub.revoke(asked));
      instants.add(answer.reached && answer.done ? answer.record.revokedAt : null);
    }
    expect(instants.size).toBe(1);
    expect([...instants][0]).toBeTypeOf("number");
    const history = await stub.events({ ...asked, before: null, limit: 10 });
    expect(history.reached && history.events.map(({ type }) => type)).toEqual(["key.revoked", "key.created"]);
  });

  it("numbers its events 1, 2, 3 … without a gap, and keeps all of them", async () => {
    const { stub } = await openKey();
    for (let round = 0; round < 3; round++) {
      await forgetful(stub, rotated(stub));
      await forgetful(stub, stub.suspend(asked));
      await forgetful(stub, stub.resume(asked));
    }
    const history = await stub.events({ ...asked, before: null, limit: 100 });
    expect(history.reached && history.events.map(({ sequence }) => sequence)).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    const page = await stub.events({ ...asked, before: 5, limit: 2 });
    expect(page.reached && page.events.map(({ type }) => type)).toEqual(["key.resumed", "key.suspended"]);
  });

  it("knows the newest 32 retired secrets and forgets the older ones", async () => {
    const { stub, credential } = await openKey();
    const credentials = [credential];
    for (let version = 2; version <= 35; version++) credentials.push(await rotated(stub));
    await evictDurableObject(stub);
    const heard: string[] = [];
    for (const each of credentials) heard.push(await hears(stub, each));
    expect(heard).toEqual([...Array(2).fill("wrong-secret"), ...Array(32).fill("key-rotated"), "admitted"]);
  });

  it("gives the same record as before, but for what was used", async () => {
    const { stub, record, credential } = await openKey(
      {
        name: "billing worker",
        owner: "acme",
        scopes: ["orders:*"],
        allowedIps: ["203.0.113.0/24"],
        quota: aQuota(50),
        rateLimits: [aWindow(100, 60)],
        metadata: { plan: "pro" },
      },
      { afterSeconds: 3600 },
    );
    await evictDurableObject(stub);
    const after = await stub.read(asked);
    expect(after.reached && after.record).toEqual(record);
    await stub.admit(withCredential(credential, { ip: "203.0.113.7" }));
    await evictDurableObject(stub);
    const used = await stub.read(asked);
    expect(used.reached && used.record).toMatchObject({
      allowance: { quota: { used: 1 }, rateLimits: [{ remaining: 99 }] },
    });
  });

  it("still holds what was amended, and what was used before", async () => {
    const { stub, credential } = await openKey({
      scopes: ["orders:read"],
      quota: aQuota(50),
      rateLimits: [aWindow(10, 3600, "hour")],
    });
    await forgetful(stub, hears(stub, credential));
    const amendment = {
      scopes: ["orders:write"],
      quota: aQuota(2),
      rateLimits: [aWindow(5, 60, "minute"), aWindow(3, 3600, "hour")],
      selfRotate: false,
    };
    const amend = { ...asked, amendment, expectedRevision: 1 };
    expect(await forgetful(stub, stub.amend(amend))).toMatchObject({ done: true, record: { revision: 2 } });
    expect(await forgetful(stub, stub.amend(amend))).toMatchObject({ done: false, because: "precondition-failed" });
    expect(await forgetful(stub, hears(stub, credential, { scopes: ["orders:read"] }))).toBe("insufficient-scope");
    expect(await forgetful(stub, hears(stub, credential, { scopes: ["orders:write"] }))).toBe("admitted");
    expect(await forgetful(stub, hears(stub, credential))).toBe("quota-exceeded");
    expect(await forgetful(stub, stub.read(asked))).toMatchObject({
      record: { ...amendment, allowance: { quota: { used: 2 }, rateLimits: [{ remaining: 4 }, { remaining: 1 }] } },
    });
  });

  it("still has what was credited: 3 of 3, and not one more for a credit that came twice", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(1, "none") });
    const credit = { ...asked, credit: { add: 2 }, expectedRevision: 1 };
    const heard = [await forgetful(stub, hears(stub, credential))];
    expect(await forgetful(stub, stub.credit(credit))).toMatchObject({ done: true });
    expect(await forgetful(stub, stub.credit(credit))).toMatchObject({ because: "precondition-failed" });
    for (let use = 0; use < 3; use++) heard.push(await forgetful(stub, hears(stub, credential)));
    expect(heard).toEqual(["admitted", "admitted", "admitted", "quota-exceeded"]);
  });

  it("still counts how often it has rotated itself: five times in a minute", async () => {
    const { stub, credential } = await openKey();
    const rotateBy = (secret: string) =>
      stub.rotateSelf({ presented: digestOf(secret), ip: null, idempotency: null, ...asked });
    const secrets = [credential];
    for (let time = 0; time < 5; time++) {
      const answer = await forgetful(stub, rotateBy(secrets[time]!));
      if (answer.done) secrets.push(answer.credential);
    }
    expect(await forgetful(stub, rotateBy(secrets[5]!))).toMatchObject({
      done: false,
      refusal: { reason: "rate-limited", limit: "self-rotate" },
    });
    expect(await forgetful(stub, hears(stub, secrets[5]!))).toBe("admitted");
    expect(await forgetful(stub, hears(stub, secrets[4]!))).toBe("key-rotated");
  });

  it("still knows whether a successor was used, which its former secret may replace only before", async () => {
    const { stub, credential } = await openKey();
    const byFormer = () => stub.rotateSelf({ presented: digestOf(credential), ip: null, idempotency: null, ...asked });
    const lost = await forgetful(stub, rotated(stub, 1, 3600));
    const repaired = await forgetful(stub, byFormer());
    expect(repaired).toMatchObject({ done: true, record: { version: 3 } });
    expect(await forgetful(stub, hears(stub, lost))).toBe("key-rotated");

    const other = await openKey();
    const used = await forgetful(other.stub, rotated(other.stub, 1, 3600));
    await forgetful(other.stub, hears(other.stub, used));
    const refused = await forgetful(
      other.stub,
      other.stub.rotateSelf({ presented: digestOf(other.credential), ip: null, idempotency: null, ...asked }),
    );
    expect(refused).toMatchObject({ done: false, refusal: { reason: "key-rotated" } });
  });

  it("is ended by its holder, once, from three instances", async () => {
    const { stub, credential } = await openKey({ allowedIps: ["203.0.113.0/24"] });
    const instants = new Set<number | null>();
    for (let call = 0; call < 3; call++) {
      const answer = await forgetful(stub, stub.revokeSelf({ presented: digestOf(credential), ...asked }));
      instants.add(answer.done ? answer.record.revokedAt : null);
    }
    expect(instants.size).toBe(1);
    expect(await hears(stub, credential, { ip: "203.0.113.7" })).toBe("key-revoked");
    const history = await stub.events({ ...asked, before: null, limit: 10 });
    const types = ["key.alerted", "key.revoked", "key.created"];
    expect(history.reached && history.events.map(({ type }) => type)).toEqual(types);
  });
});

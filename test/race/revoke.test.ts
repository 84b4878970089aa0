import { describe, expect, it } from "vitest";
import { asked, hears, openKey } from "../support/open-key.ts";

describe("50 revocations at once", () => {
  it("are one: one event, one revokedAt, and every one of them is told that it is done", async () => {
    const { stub, credential } = await openKey();
    const answers = await Promise.all(Array.from({ length: 50 }, () => stub.revoke(asked)));
    const instants = new Set(answers.map((answer) => (answer.reached && answer.done ? answer.record.revokedAt : null)));
    expect(instants.size).toBe(1);
    expect(instants).not.toContain(null);
    const history = await stub.events({ ...asked, before: null, limit: 100 });
    expect(history.reached && history.events.map(({ type }) => type)).toEqual(["key.revoked", "key.created"]);
    expect(await hears(stub, credential)).toBe("key-revoked");
  });
});

describe("rotations, suspensions and resumptions racing a revocation", () => {
  it("never bring a key back: nothing lives after revoke has answered", async () => {
    for (let round = 0; round < 5; round++) {
      const { stub, credential } = await openKey();
      const secrets = [credential];
      const others = Array.from({ length: 30 }, async (_, index) => {
        await scheduler.wait(index % 4);
        if (index % 3 === 1) return stub.suspend(asked);
        if (index % 3 === 2) return stub.resume(asked);
        const answer = await stub.rotate({ expectedVersion: null, graceSeconds: 3600, idempotency: null, ...asked });
        if (answer.reached && answer.done) secrets.push(answer.credential);
        return answer;
      });
      await scheduler.wait(round % 5);
      const answer = await stub.revoke(asked);
      expect(answer).toMatchObject({ reached: true, done: true, record: { status: "revoked" } });
      await Promise.all(others);
      const heard = new Set(await Promise.all(secrets.map((secret) => hears(stub, secret))));
      expect(heard.has("admitted")).toBe(false);
      expect(heard.has("wrong-secret")).toBe(false);

      const history = await stub.events({ ...asked, before: null, limit: 100 });
      const events = history.reached ? history.events : [];
      expect(events.find(({ type }) => type !== "key.alerted")!.type).toBe("key.revoked");
      expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => events.length - index));
    }
  });
});

import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { aQuota } from "../support/a-key.ts";
import { dice } from "../support/dice.ts";
import { asked, decisionOf, openKey, withCredential } from "../support/open-key.ts";

type Decision = readonly [boot: number, n: number];

const isAfter = ([boot, n]: Decision, [otherBoot, otherN]: Decision): boolean =>
  boot > otherBoot || (boot === otherBoot && n > otherN);

describe("the numbers of decisions", () => {
  it("grow with every answer of one instance, whatever it answers", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(1) });
    const answers = [
      await stub.admit(withCredential(credential)),
      await stub.admit(withCredential(credential)),
      await stub.admit(withCredential("nobody's")),
      await stub.read(asked),
      await stub.rotate({ expectedVersion: 9, graceSeconds: 0, idempotency: null, ...asked }),
      await stub.revoke(asked),
      await stub.events({ ...asked, before: null, limit: 1 }),
    ];
    const decisions = answers.map(decisionOf);
    for (const [at, decision] of decisions.slice(1).entries()) expect(isAfter(decision, decisions[at]!)).toBe(true);
  });

  it("never give a change a number that a refusal before it had, though the instance that refused is gone", async () => {
    const { stub, credential } = await openKey();
    await stub.suspend(asked);
    await evictDurableObject(stub);
    // An instance that only refuses writes nothing, and so leaves no trace of what it has numbered.
    const refusals = [];
    for (let at = 0; at < 3; at++) refusals.push(decisionOf(await stub.admit(withCredential(credential))));
    await evictDurableObject(stub);
    const resumed = decisionOf(await stub.resume(asked));
    const admitted = decisionOf(await stub.admit(withCredential(credential)));
    for (const refused of refusals) {
      expect(isAfter(resumed, refused), `${resumed.join(".")} after ${refused.join(".")}`).toBe(true);
    }
    expect(isAfter(admitted, resumed)).toBe(true);
  });

  it("order every history: sorted by them, no answer precedes a change it has seen", async () => {
    const roll = dice(7);
    const { stub, credential } = await openKey();
    let holds = credential;
    let change: Decision = [0, 0];
    // Refused since that change. These numbers may come again among themselves, and from nobody else.
    let refusals: Decision[] = [];
    const outOfOrder: string[] = [];
    const follows = (decision: Decision, earlier: readonly Decision[]) => {
      for (const each of earlier)
        if (!isAfter(decision, each)) outOfOrder.push(`${each.join(".")}, ${decision.join(".")}`);
    };
    for (let step = 0; step < 80; step++) {
      const kind = roll.pick(["use", "refused", "refused", "rotate", "evict", "evict"]);
      if (kind === "evict") {
        // Rejects where nothing is in memory: two evictions in a row.
        await evictDurableObject(stub).catch(() => undefined);
      } else if (kind === "refused") {
        const decision = decisionOf(await stub.admit(withCredential("nobody's")));
        follows(decision, [change]);
        refusals.push(decision);
      } else {
        const rotation =
          kind === "rotate"
            ? await stub.rotate({ expectedVersion: null, graceSeconds: 0, idempotency: null, ...asked })
            : null;
        if (rotation?.reached && rotation.done) holds = rotation.credential;
        const decision = decisionOf(rotation ?? (await stub.admit(withCredential(holds))));
        follows(decision, [change, ...refusals]);
        [change, refusals] = [decision, []];
      }
    }
    expect(outOfOrder).toEqual([]);
    expect(change[0], "the object has woken often enough").toBeGreaterThan(10);
  });
});

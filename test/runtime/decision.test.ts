import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { aQuota } from "../support/a-key.ts";
import { dice } from "../support/dice.ts";
import { asked, decisionOf, openKey, withCredential } from "../support/open-key.ts";

const isAfter = ([boot, n]: readonly [number, number], [otherBoot, otherN]: readonly [number, number]): boolean =>
  boot > otherBoot || (boot === otherBoot && n > otherN);

describe("the numbers of decisions", () => {
  it("grow with every answer of one instance, whatever it answers", async () => {
    const { stub, credential } = await openKey({ quota: aQuota(1) });
    const answers = [
      await stub.admit(withCredential(credential)),
      await stub.admit(withCredential(credential)),
      await stub.admit(withCredential("nobody's")),
      await stub.read(),
      await stub.rotate({ expectedVersion: 9, graceSeconds: 0, ...asked }),
      await stub.revoke(asked),
      await stub.events({ before: null, limit: 1 }),
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
    let last: readonly [number, number] = [0, 0];
    // What was numbered since the last change: only these may come again, and only from one another.
    let sinceChange: (readonly [number, number])[] = [];
    for (let step = 0; step < 60; step++) {
      const kind = roll.pick(["use", "refused", "refused", "rotate", "evict", "evict"]);
      if (kind === "evict") {
        await evictDurableObject(stub).catch(() => undefined);
        continue;
      }
      if (kind === "rotate") {
        const answer = await stub.rotate({ expectedVersion: null, graceSeconds: 0, ...asked });
        if (!answer.found || !answer.rotated) throw new Error("not rotated");
        holds = answer.credential;
        last = orderOf(decisionOf(answer));
      } else if (kind === "use") {
        last = orderOf(decisionOf(await stub.admit(withCredential(holds))));
      } else {
        const refused = decisionOf(await stub.admit(withCredential("nobody's")));
        expect(isAfter(refused, last), "a refusal precedes the change before it").toBe(true);
        sinceChange.push(refused);
      }
    }

    function orderOf(change: readonly [number, number]) {
      for (const earlier of [last, ...sinceChange]) expect(isAfter(change, earlier)).toBe(true);
      sinceChange = [];
      return change;
    }
  });
});

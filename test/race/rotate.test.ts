import { describe, expect, it } from "vitest";
import type { Admission } from "../../src/key/admission.ts";
import type { Verdict } from "../../src/key/admit.ts";
import { aProfile } from "../support/a-key.ts";
import { HurriedObject } from "../support/hurried-object.ts";
import { asked, decisionOf, hears, openKey, withCredential, type OpenKey } from "../support/open-key.ts";

type Rotating = {
  admit(admission: Admission): Promise<Verdict>;
  rotate(command: {
    expectedVersion: number | null;
    graceSeconds: number;
  }): Promise<{ reached: true; done: boolean; credential?: string } | { reached: false }>;
};

type Decision = ReturnType<typeof decisionOf>;
const isBefore = ([boot, n]: Decision, [otherBoot, otherN]: Decision): boolean =>
  boot < otherBoot || (boot === otherBoot && n < otherN);

const asRotating = (stub: OpenKey["stub"]): Rotating => ({
  admit: (admission) => stub.admit(admission),
  rotate: (command) => stub.rotate({ ...command, idempotency: null, ...asked }),
});

/**
 * Twenty users use the old secret all the time, and it is rotated away in their midst. A use is late if it began after
 * the rotation had been answered; what 200 late uses heard is the answer.
 */
async function lateUses(key: Rotating, credential: string): Promise<boolean[]> {
  let uses = 0;
  let answered = false;
  const late: boolean[] = [];
  const users = Array.from({ length: 20 }, async () => {
    while (late.length < 200) {
      // Refusals wait for nothing outside, and a circle of them inside one process would keep all timers from running.
      await scheduler.wait(1);
      const isLate = answered;
      const { admitted } = await key.admit(withCredential(credential));
      uses += 1;
      if (isLate) late.push(admitted);
    }
  });
  while (uses < 100) await scheduler.wait(1);
  await key.rotate({ expectedVersion: 1, graceSeconds: 0 });
  answered = true;
  await Promise.all(users);
  return late;
}

/** How many of so many rotations from version 1, all at once, hand out a secret. */
async function winnersOf(rotations: number, key: Rotating) {
  const command = { expectedVersion: 1, graceSeconds: 0 };
  const answers = await Promise.all(Array.from({ length: rotations }, () => key.rotate(command)));
  return answers.filter((answer) => answer.reached && answer.done);
}

describe("a rotation in the midst of traffic", () => {
  it("never lets the old secret in after it has answered, whatever is in flight", async () => {
    const { stub, credential } = await openKey();
    const late = await lateUses(asRotating(stub), credential);
    expect(late.length).toBeGreaterThanOrEqual(200);
    expect(late).not.toContain(true);
  });

  it("control: an object that waits between reading and writing lets it in again", async () => {
    const hurried = new HurriedObject(aProfile());
    const late = await lateUses(hurried, hurried.credential);
    expect(late.length).toBeGreaterThanOrEqual(200);
    expect(late).toContain(true);
  });

  it("leaves no moment with two secrets and none with neither: by the order of decisions exactly one is let in", async () => {
    const { stub, credential } = await openKey();
    const secrets = [credential];
    const rotations: Decision[] = [[0, 0]];
    const uses: { version: number; admitted: boolean; decision: Decision }[] = [];
    const use = async (version: number) => {
      const verdict = await stub.admit(withCredential(secrets[version - 1]!));
      uses.push({ version, admitted: verdict.admitted, decision: decisionOf(verdict) });
    };
    const users = Array.from({ length: 8 }, async (_, user) => {
      // Half of them come with the secret before the newest that anybody knows of.
      while (secrets.length <= 30) {
        await scheduler.wait(1);
        await use(Math.max(1, secrets.length - (user % 2)));
      }
    });
    for (let version = 1; version <= 30; version++) {
      await use(version);
      const answer = await stub.rotate({ expectedVersion: version, graceSeconds: 0, idempotency: null, ...asked });
      if (!answer.reached || !answer.done) throw new Error("not rotated");
      rotations.push(decisionOf(answer));
      secrets.push(answer.credential);
      await use(version);
    }
    await Promise.all(users);

    const wrong = uses.filter(({ version, admitted, decision }) => {
      const newest = rotations.filter((rotation) => isBefore(rotation, decision)).length;
      return admitted !== (version === newest);
    });
    expect(wrong).toEqual([]);
    expect(uses.filter(({ admitted }) => admitted).length).toBeGreaterThanOrEqual(30);
    expect(uses.filter(({ admitted }) => !admitted).length).toBeGreaterThanOrEqual(30);
  });
});

describe("50 rotations at once that name the same version", () => {
  it("have one winner; the others change nothing and are told the version that holds", async () => {
    const { stub, credential } = await openKey();
    const command = { expectedVersion: 1, graceSeconds: 0, idempotency: null, ...asked };
    const answers = await Promise.all(Array.from({ length: 50 }, () => stub.rotate(command)));
    const winners = answers.flatMap((answer) => (answer.reached && answer.done ? answer.credential : []));
    const losers = answers.filter((answer) => answer.reached && !answer.done);
    expect(winners).toHaveLength(1);
    expect(losers).toHaveLength(49);
    for (const loser of losers) {
      expect(loser).toMatchObject({ reached: true, done: false, because: "version-conflict", currentVersion: 2 });
    }
    expect(await hears(stub, winners[0]!)).toBe("admitted");
    const history = await stub.events({ ...asked, before: null, limit: 10 });
    expect(history.reached && history.events.map(({ type }) => type)).toEqual(["key.rotated", "key.created"]);
    expect(await hears(stub, credential)).toBe("key-rotated");
  });

  it("control: an object that waits between reading and writing hands out 50 secrets, 49 of them dead", async () => {
    expect(await winnersOf(50, new HurriedObject(aProfile()))).toHaveLength(50);
    const { stub } = await openKey();
    expect(await winnersOf(50, asRotating(stub))).toHaveLength(1);
  });
});

import { describe, expect, it } from "vitest";
import type { Admission } from "../../src/key/admission.ts";
import type { Verdict } from "../../src/key/admit.ts";
import { aProfile, aRotation } from "../support/a-key.ts";
import { HurriedObject } from "../support/hurried-object.ts";
import { asked, hears, openKey, withCredential } from "../support/open-key.ts";

type Target = { admit(admission: Admission): Promise<Verdict> };

/** The verdicts of so many requests at once. */
const atOnce = (requests: number, key: Target, credential: string): Promise<Verdict[]> =>
  Promise.all(Array.from({ length: requests }, () => key.admit(withCredential(credential))));

const successorsIn = (verdicts: readonly Verdict[]): readonly string[] =>
  verdicts.flatMap((verdict) => (verdict.admitted && verdict.newKey ? [verdict.newKey] : []));

describe("500 requests at once that cross the line together", () => {
  const issuing = aRotation({ afterUses: 50, mode: "issue", graceSeconds: 60 });

  it("are all admitted, one of them gets the successor, and the key is rotated once", async () => {
    const { stub, credential } = await openKey({ rotation: issuing });
    const verdicts = await atOnce(500, stub, credential);
    expect(verdicts.filter(({ admitted }) => admitted)).toHaveLength(500);
    const [successor, ...others] = successorsIn(verdicts);
    expect(others).toEqual([]);
    expect(await hears(stub, successor!)).toBe("admitted");
    const history = await stub.events({ ...asked, before: null, limit: 50 });
    expect(history.reached && history.events.filter(({ type }) => type === "key.rotated")).toHaveLength(1);
  });

  it("and cross the next one with the successor: again one gets the next, whoever is still in the grace gets none", async () => {
    const { stub, credential } = await openKey({ rotation: issuing });
    const [second] = successorsIn(await atOnce(100, stub, credential));
    const [byFirst, bySecond] = await Promise.all([atOnce(250, stub, credential), atOnce(250, stub, second!)]);
    expect([successorsIn(byFirst), successorsIn(bySecond)]).toEqual([[], [expect.any(String)]]);
  });

  it("control: an object that waits between reading and writing mints many, of which all but one are dead", async () => {
    const hurried = new HurriedObject(aProfile({ rotation: aRotation({ ...issuing, afterUses: 1 }) }));
    expect(successorsIn(await atOnce(500, hurried, hurried.credential)).length).toBeGreaterThan(1);
  });
});

describe("500 requests at once with a secret that must be replaced after 50 uses", () => {
  const requiring = aRotation({ afterUses: 50, mode: "require" });

  it("are admitted 50 times, and not once more", async () => {
    const { stub, credential } = await openKey({ rotation: requiring });
    const verdicts = await atOnce(500, stub, credential);
    expect(verdicts.filter(({ admitted }) => admitted)).toHaveLength(50);
    expect(await hears(stub, credential)).toBe("rotation-required");
  });

  it("control: an object that waits between reading and writing admits far more", async () => {
    const hurried = new HurriedObject(aProfile({ rotation: requiring }));
    const verdicts = await atOnce(500, hurried, hurried.credential);
    expect(verdicts.filter(({ admitted }) => admitted).length).toBeGreaterThan(50);
  });
});

import { describe, expect, it } from "vitest";
import { ledgerDown } from "../support/meet-ledger.ts";
import { asked, hears, openKey, type OpenKey } from "../support/open-key.ts";
import { anOwner, openOwned, ownerStubOf } from "../support/open-owner.ts";

/**
 * Keys are created all the time, one after the other by each of several creators, and the owner is suspended in their
 * midst. What the holders of all of them hear when everything has been answered, and how many keys came before that.
 */
async function suspendedInTheirMidst(create: (owner: string) => Promise<OpenKey>) {
  const owner = anOwner();
  const keys: OpenKey[] = [await openOwned(owner)];
  let enough = false;
  const creators = Array.from({ length: 6 }, async () => {
    while (!enough) keys.push(await create(owner));
  });
  while (keys.length < 12) await scheduler.wait(1);
  const before = keys.length;
  const answer = await ownerStubOf(owner).decide(owner, "suspended", asked);
  const after = keys.length;
  // And some that begin when the decision has been answered.
  while (keys.length < after + 12) await scheduler.wait(1);
  enough = true;
  await Promise.all(creators);
  const heard = await Promise.all(keys.map(({ stub, credential }) => hears(stub, credential)));
  return { answer, heard, before };
}

describe("an owner that is suspended while keys are created for it, and the ledger is down", () => {
  it("reaches every one of them: those before, those under way, those after", async () => {
    using _ = ledgerDown();
    const { answer, heard, before } = await suspendedInTheirMidst((owner) => openOwned(owner));
    expect(answer).toMatchObject({ done: true, standing: "suspended" });
    expect(heard.length).toBeGreaterThanOrEqual(before + 12);
    expect(new Set(heard)).toEqual(new Set(["owner-suspended"]));
  });

  it("control: keys that are not entered before they are created escape", async () => {
    using _ = ledgerDown();
    const { heard } = await suspendedInTheirMidst((owner) => openKey({ owner }));
    expect(heard).toContain("admitted");
  });
});

import { describe, expect, it } from "vitest";
import { aProfile, aQuota } from "../support/a-key.ts";
import { HurriedObject } from "../support/hurried-object.ts";
import { asked, openKey } from "../support/open-key.ts";

const quota = aQuota(100, "none");
const one = (expectedRevision: number | null) => ({ credit: { add: 1 }, expectedRevision, ...asked });

describe("50 credits at once", () => {
  it("are all given: 50 of one unit are 50 units", async () => {
    const { stub } = await openKey({ quota });
    const answers = await Promise.all(Array.from({ length: 50 }, () => stub.credit(one(null))));
    expect(answers.filter((answer) => answer.reached && answer.done)).toHaveLength(50);
    expect(await stub.read(asked)).toMatchObject({ record: { revision: 51, quota: { limit: 150 } } });
  });

  it("control: an object that waits between reading and writing loses nearly all of them", async () => {
    const hurried = new HurriedObject(aProfile({ quota }));
    await Promise.all(Array.from({ length: 50 }, () => hurried.credit(one(null))));
    expect(hurried.limit).toBe(101);
  });

  it("that name the same revision are one, as retries of a lost answer have to be", async () => {
    const { stub } = await openKey({ quota });
    const answers = await Promise.all(Array.from({ length: 50 }, () => stub.credit(one(1))));
    expect(answers.filter((answer) => answer.reached && answer.done)).toHaveLength(1);
    const losers = answers.filter((answer) => answer.reached && !answer.done);
    expect(losers).toHaveLength(49);
    for (const loser of losers) expect(loser).toMatchObject({ because: "precondition-failed" });
    expect(await stub.read(asked)).toMatchObject({ record: { revision: 2, quota: { limit: 101 } } });
  });

  it("control: of an object that waits between reading and writing each is told that it was the one", async () => {
    const hurried = new HurriedObject(aProfile({ quota }));
    const answers = await Promise.all(Array.from({ length: 50 }, () => hurried.credit(one(1))));
    expect(answers.filter(({ done }) => done)).toHaveLength(50);
  });
});

describe("50 amendments at once that name the same revision", () => {
  it("have one winner, and the key is as the winner wanted it", async () => {
    const { stub } = await openKey();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        stub.amend({ amendment: { name: `name ${at}` }, expectedRevision: 1, ...asked }),
      ),
    );
    const winners = answers.flatMap((answer) => (answer.reached && answer.done ? answer.record : []));
    expect(winners).toHaveLength(1);
    expect(await stub.read(asked)).toMatchObject({ record: { revision: 2, name: winners[0]!.name } });
    const history = await stub.events({ ...asked, before: null, limit: 10 });
    expect(history.reached && history.events.map(({ type }) => type)).toEqual(["key.amended", "key.created"]);
  });
});

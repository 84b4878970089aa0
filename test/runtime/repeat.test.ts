import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { KeyId } from "../../src/key/credential.ts";
import { digestOf } from "../../src/key/digest.ts";
import type { Idempotency } from "../../src/key/receipt.ts";
import { aCall } from "../support/a-call.ts";
import { admin } from "../support/a-key.ts";
import { crashAt, type CrashPoint } from "../support/crash.ts";
import { DATED_HEADERS, guessed, sealedBefore } from "../support/guess-header.ts";
import { asked, aKeyId, createAt, forgetful, hears, openKey, rotated, stubOf, type Stub } from "../support/open-key.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const CREATION = aCall("header-of-the-creation", "create it");
const ROTATION = aCall("header-of-the-rotation", "rotate it");

const rotate = (id: KeyId, idempotency: Idempotency | null = ROTATION, expectedVersion: number | null = 1) =>
  called(stubOf(id).rotate({ expectedVersion, graceSeconds: 0, idempotency, ...asked }));

const rotateSelf = (
  id: KeyId,
  credential: string,
  idempotency: Idempotency | null = aCall("a-header-of-its-own", "", id),
) =>
  called(
    stubOf(id).rotateSelf({
      presented: digestOf(credential),
      ip: null,
      idempotency,
      by: { ...admin, actor: id },
      reason: null,
    }),
  );

/** Every look at the promise of a call over RPC makes another, whose failure nobody hears: this is looked at once. */
async function called<Answer>(call: Promise<Answer>): Promise<Answer> {
  const answer = await call;
  return answer;
}

/** The types of all events, oldest first. */
async function historyOf(stub: Stub): Promise<string[]> {
  const history = await stub.events({ ...asked, before: null, limit: 1000 });
  return history.reached ? history.events.map(({ type }) => type).toReversed() : [];
}

/** Everything a key's object has in storage that belongs to repeats. */
const keptBy = (stub: Stub) =>
  runInDurableObject(stub, (_object, { storage: { sql } }) => ({
    receipts: sql.exec<{ version: number }>("SELECT * FROM receipt ORDER BY version").toArray(),
    repeat: sql.exec<{ json: string }>("SELECT json FROM part WHERE name = 'repeat'").toArray()[0]?.json ?? "null",
    agenda: sql
      .exec<{ task: string }>("SELECT task FROM agenda WHERE task <> 'prune-events'")
      .toArray()
      .map(({ task }) => task),
  }));

beforeEach(() => {
  // A clock of our own, far ahead of the platform's: no alarm rings before the test lets it.
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(Date.now() + 1000 * DAY);
});
afterEach(() => {
  vi.useRealTimers();
});
const later = (ms: number) => vi.setSystemTime(Date.now() + ms);

describe("an answer that is asked for again, of an object that has forgotten everything in between", () => {
  it("to a creation is the same credential and the same record", async () => {
    const id = aKeyId();
    const first = await forgetful(stubOf(id), createAt(id, { name: "once" }, { idempotency: CREATION }));
    const again = await forgetful(stubOf(id), createAt(id, { name: "once" }, { idempotency: CREATION }));
    expect(again).toEqual({ ...first, decision: expect.any(String) });
    expect(await historyOf(stubOf(id))).toEqual(["key.created"]);
  });

  it("to a rotation is the same credential, and the key was rotated once", async () => {
    const { id, stub, credential } = await openKey();
    const first = await forgetful(stub, rotate(id));
    for (let time = 0; time < 3; time++) {
      expect(await forgetful(stub, rotate(id))).toEqual({ ...first, decision: expect.any(String) });
    }
    expect(first).toMatchObject({ reached: true, done: true, record: { version: 2 } });
    expect(await historyOf(stub)).toEqual(["key.created", "key.rotated"]);
    expect(await hears(stub, credential)).toBe("key-rotated");
  });

  it("to a rotation by the key itself is had by the secret that the call retired", async () => {
    const { id, stub, credential } = await openKey();
    const first = await forgetful(stub, rotateSelf(id, credential));
    const again = await forgetful(stub, rotateSelf(id, credential));
    expect(first).toMatchObject({ done: true, record: { version: 2 } });
    expect(again).toEqual({ ...first, decision: expect.any(String) });
    expect(await forgetful(stub, rotateSelf(id, credential, null))).toMatchObject({
      done: false,
      refusal: { reason: "key-rotated" },
    });
  });

  it.each<[string, (stub: Stub, credential: string) => Promise<unknown>]>([
    ["the first use of the new secret", (stub, credential) => hears(stub, credential)],
    ["a suspension", (stub) => stub.suspend(asked)],
    ["another rotation", (stub) => rotated(stub)],
  ])("is not had any more after %s, and nothing is done twice", async (_name, happens) => {
    const { id, stub } = await openKey();
    const first = await forgetful(stub, rotate(id));
    if (!first.reached || !first.done) throw new Error("not rotated");
    await forgetful(stub, happens(stub, first.credential));
    const before = await historyOf(stub);
    expect(await forgetful(stub, rotate(id))).toMatchObject({ done: false, because: "idempotency-expired" });
    expect(await historyOf(stub)).toEqual(before);
    expect((await keptBy(stub)).repeat).toBe("null");
  });

  it("with another request is refused as a mistake", async () => {
    const { id, stub } = await openKey();
    await forgetful(stub, rotate(id));
    expect(await forgetful(stub, rotate(id, aCall("header-of-the-rotation", "something else")))).toMatchObject({
      done: false,
      because: "idempotency-mismatch",
    });
  });
});

describe("an answer that is lost because its object ended", () => {
  const points: readonly (readonly [CrashPoint, string])[] = [
    ["before the write", "as if nothing had been asked for"],
    ["after the write, before it is durable", "whole, or as if nothing had been asked for"],
    ["when it is durable", "whole"],
  ];

  it.each(points)("%s leaves a rotation %s, and the retry settles it", async (point) => {
    const { id, stub, credential } = await openKey();
    {
      using _ = await crashAt(stub, point);
      await expect(rotate(id)).rejects.toThrow("crashed on purpose");
    }
    const again = await rotate(id);
    if (!again.reached || !again.done) throw new Error("the retry did not settle it");
    expect(again.record.version).toBe(2);
    expect(await historyOf(stubOf(id))).toEqual(["key.created", "key.rotated"]);
    expect([await hears(stubOf(id), credential), await hears(stubOf(id), again.credential)]).toEqual([
      "key-rotated",
      "admitted",
    ]);
  });

  it.each(points)("%s leaves a rotation by the key itself %s, and nobody is locked out", async (point) => {
    const { id, stub, credential } = await openKey();
    {
      using _ = await crashAt(stub, point);
      await expect(rotateSelf(id, credential)).rejects.toThrow("crashed on purpose");
    }
    const again = await rotateSelf(id, credential);
    if (!again.done) throw new Error("the retry did not settle it");
    expect(await historyOf(stubOf(id))).toEqual(["key.created", "key.rotated"]);
    expect(await hears(stubOf(id), again.credential)).toBe("admitted");
  });

  it("when it is durable, without a header, leaves a conflict that tells the version: the caller may rotate again", async () => {
    const { id, stub } = await openKey();
    {
      using _ = await crashAt(stub, "when it is durable");
      await expect(rotate(id, null)).rejects.toThrow("crashed on purpose");
    }
    expect(await rotate(id, null)).toMatchObject({ done: false, because: "version-conflict", currentVersion: 2 });
    expect(await rotate(id, null, 2)).toMatchObject({ done: true });
  });
});

describe("ten retries at once", () => {
  it("of a creation make one key, and all are told its credential", async () => {
    const id = aKeyId();
    const answers = await Promise.all(Array.from({ length: 10 }, () => createAt(id, {}, { idempotency: CREATION })));
    expect(new Set(answers.map((answer) => (answer.done ? answer.credential : answer.because))).size).toBe(1);
    expect(answers.every(({ done }) => done)).toBe(true);
    expect(await historyOf(stubOf(id))).toEqual(["key.created"]);
  });

  it("of a rotation whose answer was lost rotate no more, and all are told the one credential", async () => {
    const { id, stub } = await openKey();
    {
      using _ = await crashAt(stub, "when it is durable");
      await expect(rotate(id)).rejects.toThrow("crashed on purpose");
    }
    const answers = await Promise.all(Array.from({ length: 10 }, () => rotate(id)));
    const credentials = answers.map((answer) => (answer.reached && answer.done ? answer.credential : null));
    expect(new Set(credentials).size).toBe(1);
    expect(await hears(stubOf(id), credentials[0]!)).toBe("admitted");
    expect(await historyOf(stubOf(id))).toEqual(["key.created", "key.rotated"]);
  });

  it("control: without a header ten rotations hand out ten secrets, nine of them dead", async () => {
    const { id } = await openKey();
    const answers = await Promise.all(Array.from({ length: 10 }, () => rotate(id, null, null)));
    const credentials = answers.map((answer) => (answer.reached && answer.done ? answer.credential : null));
    expect(new Set(credentials).size).toBe(10);
  });
});

describe("what an object keeps for a retry", () => {
  it("shows neither credential nor header", async () => {
    const { id, stub } = await openKey();
    const answer = await rotate(id);
    if (!answer.reached || !answer.done) throw new Error("not rotated");
    const everything = await runInDurableObject(stub, (_object, { storage: { sql } }) => {
      const tables = sql.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'").toArray();
      const ours = tables.filter(({ name }) => !name.startsWith("_cf_"));
      return JSON.stringify(ours.map(({ name }) => sql.exec(`SELECT * FROM ${name}`).toArray()));
    });
    expect(everything).toContain("sealed");
    expect(everything).not.toContain(answer.credential.slice(-49, -17));
    expect(everything).not.toContain(ROTATION.header);
  });

  it("is erased after ten minutes, though nobody comes", async () => {
    const { id, stub } = await openKey();
    await forgetful(stub, rotate(id));
    expect((await keptBy(stub)).repeat).toContain("sealed");
    later(10 * MINUTE - 1);
    await runDurableObjectAlarm(stub);
    expect((await keptBy(stub)).repeat).toContain("sealed");
    expect(await rotate(id)).toMatchObject({ done: true });
    await evictDurableObject(stub);

    later(1);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    await expect.poll(() => keptBy(stub)).toMatchObject({ repeat: "null", agenda: [], receipts: [{ version: 2 }] });
    expect(await forgetful(stub, rotate(id))).toMatchObject({ done: false, because: "idempotency-expired" });
  });

  it("is erased ten minutes after the newest of two, not of the first", async () => {
    const { id, stub } = await openKey();
    await rotate(id);
    later(6 * MINUTE);
    await forgetful(stub, rotate(id, aCall("header-of-a-later-one"), 2));
    later(4 * MINUTE);
    await runDurableObjectAlarm(stub);
    expect((await keptBy(stub)).repeat).toContain("sealed");
    later(6 * MINUTE);
    await runDurableObjectAlarm(stub);
    await expect.poll(async () => (await keptBy(stub)).repeat).toBe("null");
  });

  it("of calls older than seven days is nothing, but for the creation", async () => {
    const { id, stub } = await openKey({}, null, { idempotency: CREATION });
    for (const day of [0, 1, 2]) {
      await forgetful(stub, rotate(id, aCall(`header-of-day-number-${day}`), null));
      later(DAY);
    }
    later(5 * DAY);
    await forgetful(stub, rotate(id, aCall("header-of-the-eighth-day"), null));
    expect((await keptBy(stub)).receipts.map(({ version }) => version)).toEqual([1, 4, 5]);
    // A header that was forgotten is new again; the creation's never is.
    expect(await forgetful(stub, rotate(id, aCall("header-of-day-number-0"), null))).toMatchObject({ done: true });
    later(4000 * DAY);
    expect(await createAt(id, {}, { idempotency: CREATION })).toMatchObject({ because: "idempotency-expired" });
  });

  it("is the newest 256 calls, the creation among them", async () => {
    const { id, stub } = await openKey({}, null, { idempotency: CREATION });
    // In the order of the calls: an object takes its calls one after the other.
    await Promise.all(
      Array.from({ length: 299 }, (_, call) => rotate(id, aCall(`header-of-the-call-${call + 2}`), null)),
    );
    await evictDurableObject(stub);
    await rotate(id, aCall("header-of-the-last-call"), null);
    const versions = (await keptBy(stub)).receipts.map(({ version }) => version);
    expect(versions).toEqual([1, ...Array.from({ length: 255 }, (_, index) => 47 + index)]);
    expect(await rotate(id, aCall("header-of-the-call-47"), null)).toMatchObject({ because: "idempotency-expired" });
  });
});

describe("a copy of an object's storage", () => {
  const DATED = aCall("rotate-2020-01-02", "rotate it");

  /** The seal that lies in storage, as whoever copies it has it. */
  const sealOf = async (stub: Stub) => (JSON.parse((await keptBy(stub)).repeat) as { sealed: string }).sealed;
  const putSeal = (stub: Stub, sealed: string) =>
    runInDurableObject(stub, (_object, { storage: { sql } }) => {
      sql.exec("UPDATE part SET json = json_set(json, '$.sealed', ?) WHERE name = 'repeat'", sealed);
    });

  it("tells no secret to whoever tries every dated header, although one of them is right", async () => {
    const { id, stub } = await openKey();
    await rotate(id, DATED);
    expect(DATED_HEADERS).toContain(DATED.header);
    expect(guessed(await sealOf(stub))).toBeNull();
  });

  it("control: told it while the header alone made the seal; such a seal is still opened to its caller", async () => {
    const { id, stub } = await openKey();
    const first = await rotate(id, DATED);
    if (!first.reached || !first.done) throw new Error("not rotated");
    await putSeal(stub, sealedBefore(first.credential, DATED.header));
    expect(guessed(await sealOf(stub))).toMatchObject({ header: DATED.header, credential: first.credential });
    await evictDurableObject(stub);
    expect(await rotate(id, DATED)).toMatchObject({ done: true, credential: first.credential });
  });
});

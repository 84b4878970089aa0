import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { LedgerFault } from "../support/faulty-d1.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { control, doorFor, done, eventsOf, recordOf, rotate, tally, use } from "../support/over-http.ts";
import type { Rekey } from "../support/rekey.ts";

/**
 * D1 fails, hangs, or loses its answers.
 *
 * Promise P11: verify, rotate and revoke go on and nothing is lost: the ledger catches up by itself.
 */
let gateway: Gateway;
let rekey: Rekey;

beforeAll(async () => {
  gateway = await startGateway({ edges: 2, faultyLedger: true });
  ({ rekey } = gateway);
});
afterAll(() => gateway[Symbol.asyncDispose]());
beforeEach(() => rekey.ledgerFault("pass"));

/** The key's events in the ledger, as D1 itself has them. */
const ledgerOf = async (id: string): Promise<string[]> => {
  const rows = await rekey.ledgerSql("SELECT sequence, type FROM events WHERE key_id = ? ORDER BY sequence", id);
  return rows.map(({ sequence, type }) => `${String(sequence)} ${String(type)}`);
};
const rowOf = async (id: string) =>
  (await rekey.ledgerSql("SELECT status, version, revision FROM keys WHERE id = ?", id))[0];

/** Everything that has to go on: returns the whole history that the ledger must have in the end. */
async function live(): Promise<{ id: string; history: string[] }> {
  const { key, id } = await gateway.issue({ quota: { limit: 20, period: "day" } });
  expect((await use(rekey.url, key)).code).toBe("admitted");
  const second = await rotate(rekey, id, doorFor(rekey, 1), { expectedVersion: 1 });
  expect((await use(doorFor(rekey, 1), key)).code).toBe("key-rotated");
  expect((await use(rekey.url, second)).code).toBe("admitted");
  expect(await done(control(rekey, "POST", "/verify", { key: second }))).toMatchObject({ valid: true });
  await done(control(rekey, "POST", `/keys/${id}/suspend`, {}));
  expect((await use(rekey.url, second)).code).toBe("key-suspended");
  await done(control(rekey, "POST", `/keys/${id}/resume`, {}));
  const answers = await Promise.all(Array.from({ length: 40 }, (_, nth) => use(doorFor(rekey, nth), second)));
  expect(tally(answers.map(({ code }) => code))).toEqual({ admitted: 17, "quota-exceeded": 23 });
  await done(control(rekey, "POST", `/keys/${id}/revoke`, {}));
  expect((await use(doorFor(rekey, 1), second)).code).toBe("key-revoked");
  expect(await recordOf(rekey, id)).toMatchObject({ status: "revoked", version: 2, quota: { used: 20 } });
  const history = [
    "1 key.created",
    "2 key.rotated",
    "3 key.alerted",
    "4 key.suspended",
    "5 key.resumed",
    "6 key.quota-reached",
    "7 key.quota-reached",
    "8 key.quota-reached",
    "9 key.revoked",
    "10 key.alerted",
  ];
  expect((await eventsOf(rekey, id)).map(({ sequence, type }) => `${sequence} ${type}`)).toEqual(history);
  return { id, history };
}

// First of all: no key of another test has anything left to tell the ledger, so every question is this key's.
describe("while D1 hangs", () => {
  it("an admission waits for nothing, and a change not longer than its 300 ms", async () => {
    const { key, id } = await gateway.issue();
    await rekey.ledgerFault("hang");
    const began = performance.now();
    await rotate(rekey, id, rekey.url, { graceSeconds: 3600 });
    expect(performance.now() - began).toBeLessThan(2000);
    const before = await rekey.ledgerQuestions();
    const answers = await Promise.all(Array.from({ length: 100 }, (_, nth) => use(doorFor(rekey, nth), key)));
    expect(tally(answers.map(({ code }) => code))).toEqual({ admitted: 100 });
    // Admissions put no question to it; at most the delivery of that change was tried again meanwhile.
    expect((await rekey.ledgerQuestions()) - before).toBeLessThanOrEqual(1);
  });
});

describe.each<LedgerFault>(["fail", "hang", "lose"])("while every question to D1 meets %s", (fault) => {
  it("keys are created, used, verified, rotated, suspended and revoked, and the ledger is whole afterwards", async () => {
    await rekey.ledgerFault(fault);
    const { id, history } = await live();
    const meanwhile = await ledgerOf(id);
    expect(meanwhile).toEqual(fault === "lose" ? history.slice(0, meanwhile.length) : []);

    await rekey.ledgerFault("pass");
    // Nobody touches the key any more: its own alarm has to do it.
    await expect.poll(() => ledgerOf(id), { timeout: 30_000, interval: 200 }).toEqual(history);
    await expect.poll(() => rowOf(id)).toEqual({ status: "revoked", version: 2, revision: 9 });
  });

  it("lists say that they have to wait, and nothing else is affected", async () => {
    const { key } = await gateway.issue();
    await rekey.ledgerFault(fault);
    const list = await control(rekey, "GET", "/keys");
    expect([list.status, list.code]).toEqual([503, "ledger-unavailable"]);
    expect((await use(rekey.url, key)).code).toBe("admitted");
  });
});

describe("when the process is killed before the ledger was told", () => {
  it("tells it after the restart", async () => {
    await rekey.ledgerFault("fail");
    const { id, history } = await live();
    await rekey.kill();
    await rekey.restart();
    await expect.poll(() => ledgerOf(id), { timeout: 30_000, interval: 200 }).toEqual(history);
    await expect.poll(() => rowOf(id)).toEqual({ status: "revoked", version: 2, revision: 9 });
  });
});

describe.each([true, false])(
  "when D1 was restored, and a history is larger than it takes at once (faults: %s)",
  (faultyLedger) => {
    it("is told all of it by the walk through the keys", async () => {
      await using other = await startGateway({ faultyLedger });
      const { id } = await other.issue();
      for (let time = 0; time < 50; time++) {
        await done(control(other.rekey, "POST", `/keys/${id}/suspend`, {}));
        await done(control(other.rekey, "POST", `/keys/${id}/resume`, {}));
      }
      await done(control(other.rekey, "POST", `/keys/${id}/revoke`, {}));
      // As large as an earlier release made them.
      await other.rekey.objectSql(
        id,
        "UPDATE event SET json = json_set(json, '$.detail.path', printf('%.*c', 24000, 'x'))",
      );
      await other.rekey.ledgerSql("DELETE FROM events WHERE key_id = ? AND sequence > 1", id);
      await other.rekey.ledgerSql("UPDATE keys SET status = 'active', revision = 1 WHERE id = ?", id);
      await other.rekey.doChores();
      const has = async () => {
        const [events] = await other.rekey.ledgerSql("SELECT count(*) AS n FROM events WHERE key_id = ?", id);
        const [key] = await other.rekey.ledgerSql("SELECT status, revision FROM keys WHERE id = ?", id);
        return { ...events, ...key };
      };
      await expect.poll(has, { timeout: 30_000 }).toEqual({ n: 102, status: "revoked", revision: 102 });
    });
  },
);
